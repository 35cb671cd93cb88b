//! What a server does for those who ask beside it, because it alone has its views: see [`Desk`].

use std::sync::Arc;

use uuid::Uuid;

use crate::port::desk::{Answer, Ask, Number};
use crate::port::rebuilds::{Purpose, RebuildStatus};
use crate::port::{Clock, Desk, EventLog, PortError, Rebuilds};
use crate::rebuild::{Progress, RebuildError, Rebuilder};
use crate::view::ViewName;

/// Whoever serves at the desk.
pub struct Clerk {
    /// Where it is asked.
    pub desk: Arc<dyn Desk>,
    /// What views are folded from.
    pub log: Arc<dyn EventLog>,
    /// The views, and those beside them.
    pub rebuilds: Arc<dyn Rebuilds>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Clerk {
    /// Says how far the views are, to all who ask for that: it takes no time, so nobody waits for what others asked.
    ///
    /// # Errors
    /// The desk fails, or the views do.
    pub async fn tell(&self) -> Result<(), PortError> {
        for (number, ask) in self.desk.open().await? {
            if ask == Ask::Status {
                self.desk.answer(number, &self.status().await?).await?;
            }
        }
        Ok(())
    }

    /// Does the next thing that is asked and takes time, under this name. Gives `false` when there is none. One at a time.
    ///
    /// # Errors
    /// The desk fails. What fails of what was asked is said to those who asked.
    pub async fn step(&self, holder: Uuid) -> Result<bool, PortError> {
        let Some((number, ask)) = self.desk.open().await?.into_iter().find(|(_, ask)| *ask != Ask::Status) else { return Ok(false) };
        let answer = match ask {
            Ask::Status => return Ok(false),
            Ask::Rebuild { view } => self.fold(number, view, Conclusion::Exchange, holder).await,
            Ask::Verify { view, most } => self.fold(number, view, Conclusion::Compare { most }, holder).await,
        };
        match answer {
            Ok(Some(answer)) => self.desk.answer(number, &answer).await?,
            // Nobody wants to know any more.
            Ok(None) => {}
            Err(error) => self.desk.answer(number, &Answer::Failed { reason: in_full(&error) }).await?,
        }
        Ok(true)
    }

    async fn status(&self) -> Result<Answer, PortError> {
        let mut views = Vec::new();
        for view in ViewName::ALL {
            let RebuildStatus { live, beside, .. } = self.rebuilds.status(view).await?;
            views.push((view, live, beside));
        }
        Ok(Answer::Status { at: self.clock.now(), views })
    }

    /// Folds a view anew beside the live one, and concludes. `None` when it was taken back meanwhile.
    async fn fold(&self, number: Number, view: ViewName, conclusion: Conclusion, holder: Uuid) -> Result<Option<Answer>, RebuildError> {
        let purpose = match conclusion {
            Conclusion::Exchange => Purpose::Rebuild,
            Conclusion::Compare { .. } => Purpose::Verify,
        };
        let mut rebuilder = Rebuilder::new(Arc::clone(&self.log), Arc::clone(&self.rebuilds), view, purpose, holder);
        if !rebuilder.begin().await? {
            return Err(RebuildError::Busy { view, purpose: None, begun_at: None });
        }
        let folded = self.conclude(number, &mut rebuilder, conclusion).await;
        rebuilder.end(true).await?;
        folded
    }

    async fn conclude(&self, number: Number, rebuilder: &mut Rebuilder, conclusion: Conclusion) -> Result<Option<Answer>, RebuildError> {
        loop {
            let Progress { position, goal } = rebuilder.progress();
            if !self.desk.tell(number, position, goal).await? {
                return Ok(None);
            }
            if !rebuilder.progress().near() {
                rebuilder.step().await?;
                continue;
            }
            let answer = match conclusion {
                Conclusion::Exchange => rebuilder.exchange().await?.map(|outcome| Answer::Rebuilt { outcome }),
                Conclusion::Compare { most } => rebuilder.verify(most).await?.map(|verdict| Answer::Verified { verdict }),
            };
            if answer.is_some() {
                return Ok(answer);
            }
        }
    }
}

/// What is done with a view that was folded anew.
#[derive(Clone, Copy, Debug)]
enum Conclusion {
    Exchange,
    Compare { most: usize },
}

/// With everything that led to it.
fn in_full(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        said += &format!(": {cause}");
        source = cause.source();
    }
    said
}
