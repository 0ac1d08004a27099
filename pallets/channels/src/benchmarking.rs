//! Benchmarks of every call and of every step of the agenda, each in its worst case.
//!
//! What other pallets do happens inside the measured steps, while [`WeightInfo`] leaves it to them: the
//! sum counts it twice, which errs on the safe side.

use super::*;
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{
        fungible::{Mutate, Unbalanced},
        Get,
    },
    weights::Weight,
};
use frame_system::RawOrigin;
use sp_core::{crypto::KeyTypeId, sr25519::Public};
use sp_io::crypto::{sr25519_generate, sr25519_sign};
use sp_runtime::{traits::Saturating, Permill};
use vigil_primitives::{
    channel::{ChannelStatus, Usage, MAX_SHOWN},
    dispute::{ClaimId, Fault},
    job::Output,
    lineage::MAX_PAYEES,
    terms::AcceptedTerms,
    traits::{Claims, Conviction, ModelRegistry, UnpaidBook},
    ContentHash, Sampling,
};

/// Answers of the benchmarked channels.
const ANSWERS: u32 = 1_000;
/// The tokens of each.
const USAGE: Usage = Usage { tokens_in: 16, cached: 8, tokens_out: 16 };
/// Of the keys that sign.
const KEY: KeyTypeId = KeyTypeId(*b"vigl");

/// Sets the scenes of the benchmarks. The runtime knows the registries and the workers, and this
/// pallet does not.
pub trait BenchmarkHelper<AccountId> {
    /// An active version of a language model of `owner` with a context of 2,048 tokens, at no cost.
    fn version(owner: &AccountId) -> ModelVersionId;

    /// Makes `worker` an active worker that serves these versions with the lowest ask, and a bond that
    /// covers the channels of these benchmarks.
    fn worker(worker: &AccountId, versions: &[ModelVersionId]);

    /// Gives a version that descends from nothing a lineage of so many payees, itself included,
    /// none of whom has an account but the owner of the version.
    fn lineage(version: ModelVersionId, payees: u32);
}

fn requester<T: Config>() -> T::AccountId {
    account("requester", 0, 0)
}

fn worker<T: Config>() -> T::AccountId {
    account("worker", 0, 0)
}

fn deposit<T: Config>() -> Balance {
    T::MinDeposit::get().saturating_mul(10_000)
}

fn fund<T: Config>(who: &T::AccountId) -> Result<(), BenchmarkError> {
    let amount = deposit::<T>().saturating_add(T::ShowDeposit::get()).saturating_mul(1_000);
    T::Currency::mint_into(who, amount)?;
    Ok(())
}

/// A version that `payees` share in, and a worker that takes channels of it.
fn market<T: Config>(payees: u32) -> Result<(ModelVersionId, Public), BenchmarkError> {
    let owner = account("owner", 0, 0);
    let version = T::BenchmarkHelper::version(&owner);
    T::BenchmarkHelper::lineage(version, payees);
    T::BenchmarkHelper::worker(&worker::<T>(), &[version]);
    // Nothing can be paid into it before it has as much.
    fund::<T>(&T::Unpaid::keeper())?;
    fund::<T>(&requester::<T>())?;
    let signer = sr25519_generate(KEY, None);
    Pallet::<T>::set_terms(RawOrigin::Signed(worker::<T>()).into(), terms::<T>(signer))?;
    Ok((version, signer))
}

fn terms<T: Config>(signer: Public) -> ChannelTerms {
    ChannelTerms {
        max_open: T::MaxOpenPerWorker::get(),
        min_deposit: 0,
        max_deposit: Balance::MAX,
        cached: Permill::from_percent(10),
        signer,
    }
}

fn spec<T: Config>(
    version: ModelVersionId,
    signer: Public,
) -> Result<ChannelSpecOf<T>, BenchmarkError> {
    let registered = T::Models::version(version).ok_or("it was published")?;
    let licence = registered.spec.terms.licence_hash();
    Ok(ChannelSpec {
        worker: worker::<T>(),
        version,
        terms: AcceptedTerms { licence, commercial: true },
        max_ask: Balance::MAX,
        deposit: deposit::<T>(),
        expires_at: Pallet::<T>::now().saturating_add(T::MaxLifetime::get()),
        max_answers: ANSWERS,
        signer,
    })
}

/// An open channel with one key for both sides.
fn opened<T: Config>(payees: u32) -> Result<(ChannelId, Public), BenchmarkError> {
    let (version, signer) = market::<T>(payees)?;
    let id = NextChannel::<T>::get();
    let spec = spec::<T>(version, signer)?;
    Pallet::<T>::open(RawOrigin::Signed(requester::<T>()).into(), Box::new(spec))?;
    Ok((id, signer))
}

fn channel<T: Config>(id: ChannelId) -> Result<ChannelOf<T>, BenchmarkError> {
    Channels::<T>::get(id).ok_or(BenchmarkError::Stop("there is no such channel"))
}

/// A voucher for so many answers, as far as the deposit goes.
fn voucher<T: Config>(
    id: ChannelId,
    answers: u32,
    signer: Public,
) -> Result<(Voucher, Signature), BenchmarkError> {
    let channel = channel::<T>(id)?;
    let version = T::Models::version(channel.version).ok_or("it was published")?;
    let mut totals = Totals::default();
    for _ in 0..answers {
        let more = totals.after(&channel.prices, &version.spec.architecture, USAGE);
        if more.price(&channel.prices) > channel.deposit {
            break;
        }
        totals = more;
    }
    let voucher = Voucher { channel: id, totals };
    let signature = sr25519_sign(KEY, &signer, &voucher.bytes(&Pallet::<T>::genesis()));
    Ok((voucher, signature.ok_or("the key is there")?))
}

fn receipt<T: Config>(
    id: ChannelId,
    number: u32,
    signer: Public,
) -> Result<(AnswerReceipt, Signature), BenchmarkError> {
    let receipt = AnswerReceipt {
        channel: id,
        number,
        input: ContentHash::repeat_byte(1),
        usage: USAGE,
        max_tokens_out: USAGE.tokens_out,
        sampling: Sampling::Gumbel {
            seed: u64::MAX,
            temperature: 1f32.to_bits(),
            min_p: 0.5f32.to_bits(),
        },
        output: Output { hash: ContentHash::repeat_byte(2), tokens: USAGE.tokens_out },
        totals: Totals { answers: number, ..Totals::default() },
    };
    let signature = sr25519_sign(KEY, &signer, &receipt.bytes(&Pallet::<T>::genesis()));
    Ok((receipt, signature.ok_or("the key is there")?))
}

/// A channel with as many receipts on chain as the requester may show, and others.
fn shown<T: Config>(count: u32) -> Result<(ChannelId, ClaimId<T::AccountId>), BenchmarkError> {
    let (id, signer) = opened::<T>(1)?;
    let stranger: T::AccountId = account("stranger", 0, 0);
    fund::<T>(&stranger)?;
    let mut claim = ClaimId::Receipt { worker: worker::<T>(), channel: id, receipt: Hash::zero() };
    for number in 1..=count {
        let (receipt, signature) = receipt::<T>(id, number, signer)?;
        let who = if number > MAX_SHOWN { stranger.clone() } else { requester::<T>() };
        let receipt_hash = receipt.hash();
        Pallet::<T>::show(RawOrigin::Signed(who).into(), receipt, signature)?;
        claim = ClaimId::Receipt { worker: worker::<T>(), channel: id, receipt: receipt_hash };
    }
    Ok((id, claim))
}

/// Goes to the block where something is due for a channel, and runs it.
fn serve<T: Config>(id: ChannelId) -> Result<(), BenchmarkError> {
    let due = channel::<T>(id)?.wake_at;
    frame_system::Pallet::<T>::set_block_number(due);
    AgendaCursor::<T>::put(due);
    Pallet::<T>::serve(due, Weight::MAX);
    Ok(())
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn set_terms() -> Result<(), BenchmarkError> {
        let (_, signer) = market::<T>(1)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(worker::<T>()), terms::<T>(signer));
        assert!(TermsOf::<T>::contains_key(worker::<T>()));
        Ok(())
    }

    #[benchmark]
    fn open() -> Result<(), BenchmarkError> {
        let (version, signer) = market::<T>(MAX_PAYEES)?;
        let spec = Box::new(spec::<T>(version, signer)?);
        #[extrinsic_call]
        _(RawOrigin::Signed(requester::<T>()), spec);
        assert_eq!(OpenOf::<T>::get(worker::<T>()), 1);
        Ok(())
    }

    #[benchmark]
    fn top_up() -> Result<(), BenchmarkError> {
        let (id, _) = opened::<T>(1)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(requester::<T>()), id, deposit::<T>());
        assert_eq!(channel::<T>(id)?.deposit, deposit::<T>().saturating_mul(2));
        Ok(())
    }

    /// By the requester: the settlement is not included.
    #[benchmark]
    fn close() -> Result<(), BenchmarkError> {
        let (id, signer) = opened::<T>(1)?;
        let voucher = voucher::<T>(id, ANSWERS, signer)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(requester::<T>()), id, Some(voucher));
        assert!(matches!(channel::<T>(id)?.status, ChannelStatus::Closing { .. }));
        Ok(())
    }

    #[benchmark]
    fn dispute_close() -> Result<(), BenchmarkError> {
        let (id, signer) = opened::<T>(1)?;
        Pallet::<T>::close(RawOrigin::Signed(requester::<T>()).into(), id, None)
            .map_err(|refused| refused.error)?;
        let (voucher, signature) = voucher::<T>(id, ANSWERS, signer)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(worker::<T>()), id, voucher, signature);
        assert_eq!(channel::<T>(id)?.totals(), voucher.totals);
        Ok(())
    }

    #[benchmark]
    fn show() -> Result<(), BenchmarkError> {
        let (id, signer) = opened::<T>(1)?;
        let (receipt, signature) = receipt::<T>(id, ANSWERS, signer)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(requester::<T>()), receipt, signature);
        assert!(Shown::<T>::contains_key(id, receipt.hash()));
        Ok(())
    }

    #[benchmark]
    fn settle(p: Linear<1, MAX_PAYEES>) -> Result<(), BenchmarkError> {
        let (id, signer) = opened::<T>(p)?;
        let voucher = voucher::<T>(id, ANSWERS, signer)?;
        let origin = RawOrigin::Signed(requester::<T>());
        Pallet::<T>::close(origin.into(), id, Some(voucher)).map_err(|refused| refused.error)?;
        // It can't be credited with so little. What the owner has on hold keeps its account alive.
        T::Currency::write_balance(&T::Treasury::get(), 0)?;
        #[block]
        {
            serve::<T>(id)?;
        }
        assert!(channel::<T>(id)?.is_settled());
        Ok(())
    }

    #[benchmark]
    fn expire() -> Result<(), BenchmarkError> {
        let (id, _) = opened::<T>(1)?;
        #[block]
        {
            serve::<T>(id)?;
        }
        assert!(matches!(channel::<T>(id)?.status, ChannelStatus::Closing { .. }));
        Ok(())
    }

    #[benchmark]
    fn prune(s: Linear<0, { 2 * MAX_SHOWN }>) -> Result<(), BenchmarkError> {
        let (id, _) = shown::<T>(s)?;
        Pallet::<T>::close(RawOrigin::Signed(worker::<T>()).into(), id, None)
            .map_err(|refused| refused.error)?;
        #[block]
        {
            serve::<T>(id)?;
        }
        assert!(!Channels::<T>::contains_key(id));
        Ok(())
    }

    #[benchmark]
    fn dispute() -> Result<(), BenchmarkError> {
        let (id, claim) = shown::<T>(MAX_SHOWN)?;
        #[block]
        {
            <Pallet<T> as Claims<T::AccountId>>::disputed(&claim)?;
        }
        assert_eq!(channel::<T>(id)?.disputes, 1);
        Ok(())
    }

    #[benchmark]
    fn convict() -> Result<(), BenchmarkError> {
        let (id, claim) = shown::<T>(MAX_SHOWN)?;
        let by: T::AccountId = account("challenger", 0, 0);
        fund::<T>(&by)?;
        <Pallet<T> as Claims<T::AccountId>>::disputed(&claim)?;
        let conviction = Conviction { by: &by, fault: Fault::Element, disputes: 1, costs: 1 };
        #[block]
        {
            <Pallet<T> as Claims<T::AccountId>>::convicted(&claim, conviction);
        }
        assert!(channel::<T>(id)?.is_void(MAX_SHOWN));
        Ok(())
    }

    #[benchmark]
    fn look() -> Result<(), BenchmarkError> {
        let (id, _) = opened::<T>(1)?;
        // An entry from before the channel was put on another page.
        let now = Pallet::<T>::now().saturating_add(1u32.into());
        Agenda::<T>::insert(now, id, ());
        AgendaCursor::<T>::put(now);
        #[block]
        {
            Pallet::<T>::serve(now, Weight::MAX);
        }
        assert!(!Agenda::<T>::contains_key(now, id));
        Ok(())
    }

    #[benchmark]
    fn turn_page() -> Result<(), BenchmarkError> {
        let now = Pallet::<T>::now();
        AgendaCursor::<T>::put(now);
        #[block]
        {
            Pallet::<T>::serve(now, Weight::MAX);
        }
        assert_eq!(AgendaCursor::<T>::get(), Some(now.saturating_add(1u32.into())));
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::Chain::default().build(), crate::mock::Test);
}
