//! The people and things of the examples in the document.

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub(super) const ALICE: Uuid = Uuid::from_u128(0x0199_2f6e_5b1a_7c3e_9a44_1d2b_6f80_a11c);
pub(super) const BOB: Uuid = Uuid::from_u128(0x0199_2f6e_7d20_7f11_8e02_5c9a_30bb_b0b0);
pub(super) const SESSION: Uuid = Uuid::from_u128(0x0199_2f70_0c44_7b5d_b6e1_8f23_9a67_5e55);
pub(super) const IDENTITY: Uuid = Uuid::from_u128(0x0199_2f70_5d13_7a62_91c8_4be7_02d5_1de4);
pub(super) const DEVICE: Uuid = Uuid::from_u128(0x0199_2f71_2e6a_7d91_84b3_5f0c_a7e2_de71);
pub(super) const FRIENDSHIP: Uuid = Uuid::from_u128(0x6c1f_3a52_0d9e_5b77_a3c8_42e1_97d0_f12d);
pub(super) const THREAD: Uuid = Uuid::from_u128(0x9b2e_11c7_4f60_5d28_8a15_e07c_3b94_74ed);
pub(super) const GROUP: Uuid = Uuid::from_u128(0x0199_2f73_41d6_7a90_b2ce_7f05_18da_6009);
pub(super) const INVITE: Uuid = Uuid::from_u128(0x0199_2f74_c35b_7e18_8d40_a96b_5fe1_1417);
pub(super) const AVATAR: Uuid = Uuid::from_u128(0x0199_2f73_9b08_7c64_a7f1_30d5_4c2e_f11e);
pub(super) const MESSAGE: Uuid = Uuid::from_u128(0x0199_2f75_a9e8_7d02_95f4_61c8_0e3d_3e55);
pub(super) const QUOTED: Uuid = Uuid::from_u128(0x0199_2f75_8c31_7b46_a0d9_3f17_52ce_9003);
pub(super) const FILE: Uuid = Uuid::from_u128(0x0199_2f75_9a02_7e8f_b513_c47a_06d1_f11e);

/// 2025-09-09 12:00:00 UTC.
pub(super) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_757_419_200, 0).expect("it is in range")
}
