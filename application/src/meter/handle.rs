//! Handles: where the code counts.

use std::marker::PhantomData;

use metrics::{Counter, Gauge, Histogram};

use super::{ENDPOINT, Kind, Metric, Series};

/// One series, or what stands for several.
pub(super) trait Handle: Sized {
    /// Of what kind its series are.
    const KIND: Kind;

    /// Begins the series of a metric, as far as they are known.
    fn begin(metric: &'static Metric) -> Self;
}

/// One series.
pub trait One: Sized + Clone {
    /// Its kind.
    const KIND: Kind;

    /// Begins it, under a label if it has one.
    fn one(name: &'static str, label: Option<(&'static str, String)>) -> Self;

    /// One that counts nothing.
    fn none() -> Self;
}

macro_rules! ones {
    ($($handle:ident, $register:ident;)+) => {$(
        impl One for $handle {
            const KIND: Kind = Kind::$handle;

            fn one(name: &'static str, label: Option<(&'static str, String)>) -> Self {
                match label {
                    Some((label, value)) => metrics::$register!(name, label => value),
                    None => metrics::$register!(name),
                }
            }

            fn none() -> Self {
                Self::noop()
            }
        }

        impl Handle for $handle {
            const KIND: Kind = Kind::$handle;

            fn begin(metric: &'static Metric) -> Self {
                Self::one(metric.name, None)
            }
        }
    )+};
}

ones! {
    Counter, counter;
    Gauge, gauge;
    Histogram, histogram;
}

/// A series for each value of a label.
#[derive(Debug)]
pub struct Labelled<H> {
    known: Vec<(&'static str, H)>,
    /// Counts nothing: nobody is to fail because something cannot be counted.
    unknown: H,
}

impl<H: One> Handle for Labelled<H> {
    const KIND: Kind = H::KIND;

    fn begin(metric: &'static Metric) -> Self {
        let (label, values) = if let Series::Of(label, values) = metric.series { (label, values) } else { ("", &[][..]) };
        let begin = |value: &&'static str| (*value, H::one(metric.name, Some((label, (*value).to_owned()))));
        Self { known: values.iter().map(begin).collect(), unknown: H::none() }
    }
}

impl<H: One> Labelled<H> {
    /// The series of a value. What the table does not have is not counted.
    #[must_use]
    pub fn of(&self, value: &str) -> &H {
        self.known.iter().find(|(known, _)| *known == value).map_or(&self.unknown, |(_, handle)| handle)
    }
}

/// A series for each webhook. They are found by whoever works for the webhook, once.
#[derive(Debug)]
pub struct PerEndpoint<H> {
    name: &'static str,
    series: PhantomData<H>,
}

impl<H: One> Handle for PerEndpoint<H> {
    const KIND: Kind = H::KIND;

    fn begin(metric: &'static Metric) -> Self {
        Self { name: metric.name, series: PhantomData }
    }
}

impl<H: One> PerEndpoint<H> {
    /// The series of a webhook.
    #[must_use]
    pub fn of(&self, endpoint: &str) -> H {
        H::one(self.name, Some((ENDPOINT, endpoint.to_owned())))
    }
}
