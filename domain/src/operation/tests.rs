use uuid::Uuid;

use super::*;
use crate::text::{ConsumerName, StreamName};
use crate::user::AdminPermit;

fn asks(what: DeadLetterOperation) -> OperationCommand {
    let (consumer, stream) = (ConsumerName::parse("webhook:crm").unwrap(), StreamName::parse("thread-7").unwrap());
    let letter = DeadLetter { consumer, stream, position: 42 };
    OperationCommand {
        permit: AdminPermit::of_the_server(),
        operation: OperationId::new(Uuid::from_u128(1)),
        act: Act::DeadLetter { letter, what },
    }
}

#[test]
fn an_operation_says_what_was_done_to_which_dead_letter_and_nobody_is_told() {
    for (what, event_type) in
        [(DeadLetterOperation::Retry, "operation.dead_letter_retried"), (DeadLetterOperation::Drop, "operation.dead_letter_dropped")]
    {
        let command = asks(what);
        let events = Operation::default().decide(command.clone()).unwrap();
        let [OperationEvent::DeadLetterRetried { operation, letter } | OperationEvent::DeadLetterDropped { operation, letter }] =
            &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!((events[0].event_type(), operation), (event_type, &command.operation));
        assert_eq!(command.act, Act::DeadLetter { letter: letter.clone(), what });
        assert_eq!(events[0].audience(), crate::audience::Audience::nobody());
    }
}

#[test]
fn an_operation_says_which_webhook_was_enabled_and_nobody_is_told() {
    let consumer = ConsumerName::parse("webhook:crm").unwrap();
    let command = OperationCommand { act: Act::EnableWebhook { consumer: consumer.clone() }, ..asks(DeadLetterOperation::Retry) };
    let events = Operation::default().decide(command.clone()).unwrap();
    assert_eq!(events, [OperationEvent::WebhookEnabled { operation: command.operation, consumer }]);
    assert_eq!((events[0].event_type(), events[0].audience()), ("operation.webhook_enabled", crate::audience::Audience::nobody()));
}

#[test]
fn an_operation_is_performed_once() {
    let events = Operation::default().decide(asks(DeadLetterOperation::Retry)).unwrap();
    let performed = Operation::replay(&events).unwrap();
    assert_eq!(performed.decide(asks(DeadLetterOperation::Drop)), Err(OperationRefusal::AlreadyPerformed));
    assert!(Operation::replay(events.iter().chain(&events)).is_err());
}
