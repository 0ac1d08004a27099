use super::*;
use frame_support::{traits::Hooks, weights::Weight};
use vigil_primitives::channel::{ChannelDue, ChannelStatus};

fn closing(id: ChannelId) -> bool {
    matches!(status(id), ChannelStatus::Closing { .. })
}

#[test]
fn a_channel_should_close_by_itself_when_it_has_expired() {
    build_and_execute(|| {
        let id = opened();
        let expires_at = channel(id).expires_at;
        run_to(expires_at);
        assert_eq!(status(id), ChannelStatus::Open);
        run_to(expires_at + 1);
        assert!(closing(id));
        // The worker has its time to bring what it has.
        assert_ok!(dispute_close_as(WORKER, id, voucher(id, 3)));
        run_to(expires_at + 1 + WINDOW);
        assert_eq!(paid(id).answers, 3);
        run_to(expires_at + 1 + WINDOW + RECEIPT_WINDOW);
        assert!(Channels::channel(id).is_none());
        assert_event(Event::Pruned { channel: id });
    });
}

#[test]
fn what_has_no_weight_should_be_done_in_a_later_block() {
    build_and_execute(|| {
        let ids = [opened(), opened(), opened()];
        for id in ids {
            assert_ok!(close_as(REQUESTER, id, None));
        }
        let due = now() + WINDOW;
        run_to(due - 1);
        ServiceWeight::set(Weight::zero());
        run_to(due + 5);
        assert!(ids.iter().all(|id| closing(*id)));
        // Room for one settlement in every block.
        let step = Channels::step_weight(ChannelDue::Settle, 1, 0);
        let one = Weights::turn_page().saturating_add(Weights::look()).saturating_add(step);
        ServiceWeight::set(one);
        for settled in 1..=3 {
            System::set_block_number(now() + 1);
            let used = Channels::on_initialize(now());
            assert!(used.all_lte(one));
            assert_eq!(ids.iter().filter(|id| channel(**id).is_settled()).count(), settled);
        }
        ServiceWeight::set(FULL);
    });
}

#[test]
fn a_worker_that_settles_first_should_leave_nothing_to_the_agenda() {
    build_and_execute(|| {
        let id = opened();
        assert_ok!(close_as(REQUESTER, id, None));
        assert_ok!(close_as(WORKER, id, Some(voucher(id, 1))));
        run_to(now() + WINDOW + 1);
        assert_eq!(paid(id).answers, 1);
    });
}
