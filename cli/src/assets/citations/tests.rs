use super::*;
use crate::error::Kind;
use vigil_primitives::{
    grant::Unusable,
    lineage::LineageEdge,
    model::Sources,
    terms::{Access, GrantTerms, Licence},
    ModelVersionId,
};

const PUBLISHER: AccountId = AccountId::new([1; 32]);
const OTHER: AccountId = AccountId::new([2; 32]);

fn model(number: u32) -> AssetId {
    ModelVersionId { model: number, version: 0 }.into()
}

fn name(text: &str) -> Name {
    Name::try_from(text.as_bytes().to_vec()).expect("a short name")
}

/// An open asset of somebody else's that is cited with so many parts per million, and the parts of
/// its own citations.
fn parent(number: u32, parts: u32, cites: &[(u32, u32)]) -> Parent {
    let own = 1_000_000 - cites.iter().map(|(_, parts)| parts).sum::<u32>();
    let nodes = [(number, own)].into_iter().chain(cites.iter().copied());
    let node = |(number, parts)| LineageNode {
        asset: model(number),
        name: name("other"),
        owner: OTHER,
        status: VersionStatus::Active,
        share: Permill::from_parts(parts),
    };
    let edge = |(to, parts): &(u32, u32)| LineageEdge {
        from: model(number),
        to: model(*to),
        share: Permill::from_parts(*parts),
    };
    let terms = Terms {
        licence: Licence::try_from(b"MIT".to_vec()).expect("short"),
        licence_text: None,
        commercial: true,
        access: Access::Open,
        royalty: Permill::zero(),
    };
    Parent {
        citation: Share { asset: model(number), share: Permill::from_parts(parts) },
        facts: Facts {
            owner: OTHER,
            terms,
            status: VersionStatus::Active,
            metadata: None,
            sources: Sources::default(),
        },
        permission: Permission::Open,
        lineage: LineageView {
            nodes: nodes.map(node).collect(),
            edges: cites.iter().map(edge).collect(),
        },
        royalties: vec![],
        forbids: None,
    }
}

fn descend_from(parents: &[Parent]) -> CommandResult<Descent> {
    let name = name("new");
    let new = model(u32::MAX);
    descend(
        &Offspring { asset: new, name: &name, commercial: true, publisher: &PUBLISHER },
        parents,
    )
}

fn refusal(parents: &[Parent]) -> String {
    let failure = descend_from(parents).unwrap_err();
    assert_eq!(failure.kind(), Kind::Rejected, "{failure}");
    failure.to_string()
}

/// `parent(7, 50_000, &[])`, changed.
fn refused(change: fn(&mut Parent)) -> String {
    let mut changed = parent(7, 50_000, &[]);
    change(&mut changed);
    refusal(&[parent(6, 10_000, &[]), changed])
}

#[test]
fn a_citation_should_be_read_with_its_share() {
    let cites = |asset: &str, parts| Citation {
        cited: Cited::Asset(asset.parse().unwrap()),
        share: Permill::from_parts(parts),
    };
    assert_eq!(parse_parent("0@1=5%"), Ok(cites("model:0@1", 50_000)));
    assert_eq!(parse_parent("dataset:3@0=0.0001%"), Ok(cites("dataset:3@0", 1)));
    assert_eq!(parse_dataset("3@2=2%"), Ok(cites("dataset:3@2", 20_000)));
    assert_eq!(parse_dataset("dataset:3@2=2%"), Ok(cites("dataset:3@2", 20_000)));
    let newest = Citation { cited: Cited::Newest(3), share: Permill::from_percent(2) };
    assert_eq!(parse_dataset("3=2%"), Ok(newest));
}

#[test]
fn a_wrong_citation_should_be_named() {
    for (text, says) in [
        ("0@1", "no share"),
        ("0@1=", "no percentage"),
        ("0@1=0%", "gives nothing"),
        ("0@1=101%", "more than 100%"),
        ("0=5%", "expected model:"),
        ("audio:0@0=5%", "expected model:"),
    ] {
        let error = parse_parent(text).unwrap_err();
        assert!(error.contains(text) && error.contains(says), "{text}: {error}");
    }
    for text in ["model:0@0=5%", "x=5%", "0@=5%", "-1=5%"] {
        let error = parse_dataset(text).unwrap_err();
        assert!(error.contains(text) && error.contains("no dataset"), "{text}: {error}");
    }
}

#[test]
fn shares_should_be_refused_when_they_are_wrong_whatever_is_cited() {
    let share = |number, parts| Share { asset: model(number), share: Permill::from_parts(parts) };
    assert!(check_shares(&[share(0, 500_000), share(1, 500_000)]).is_ok());
    let twice = check_shares(&[share(0, 1), share(1, 1), share(0, 2)]).unwrap_err();
    assert!(twice.to_string().contains("model:0@0 is cited twice"), "{twice}");
    let all: Vec<_> = (0..3).map(|number| share(number, 500_000)).collect();
    let more = check_shares(&all).unwrap_err();
    assert_eq!(more.kind(), Kind::Usage);
    assert!(more.to_string().contains("model:2@0=50% brings what is promised to 150%"), "{more}");
}

#[test]
fn a_descent_should_name_everybody_who_will_be_paid() {
    let descent = descend_from(&[parent(1, 100_000, &[(0, 200_000)]), parent(0, 50_000, &[])]);
    let descent = descent.unwrap();
    let payees: Vec<_> = descent
        .payees
        .iter()
        .map(|payee| (payee.asset, payee.share.deconstruct(), payee.owner.clone()))
        .collect();
    assert_eq!(
        payees,
        [
            (model(u32::MAX), 850_000, PUBLISHER),
            (model(0), 70_000, OTHER),
            (model(1), 80_000, OTHER),
        ]
    );
    assert_eq!(descent.payees[0].name, name("new"));
    assert_eq!(descent.citations.len(), 2);
    assert_eq!(descend_from(&[]).unwrap().payees.len(), 1);
}

#[test]
fn a_citation_without_consent_should_be_named_with_what_to_do() {
    let revoked = refused(|parent| parent.facts.status = VersionStatus::Revoked);
    assert!(revoked.contains("model:7@0 is revoked"), "{revoked}");
    let no_grant = refused(|parent| {
        let grant = GrantTerms { price: 5, duration: 9, uses: None };
        parent.facts.terms.access = Access::Paid(grant);
        parent.permission = Permission::NoGrant;
    });
    assert!(no_grant.contains("vigil grant buy model:7@0"), "{no_grant}");
    let exhausted = refused(|parent| {
        parent.facts.terms.access = Access::AllowList;
        parent.permission = Permission::Unusable(Unusable::Exhausted);
    });
    assert!(exhausted.contains("model:7@0 has no use left"), "{exhausted}");
    let royalty = refused(|parent| {
        parent.royalties = vec![(parent.citation.asset, Permill::from_parts(50_001))];
    });
    assert!(royalty.contains("model:7@0 is promised 5%"), "{royalty}");
    assert!(royalty.contains("at least 5.0001%"), "{royalty}");
    let itself = refused(|parent| parent.forbids = Some(parent.citation.asset));
    assert!(itself.contains("model:7@0 forbids commercial use"), "{itself}");
    let ancestor = refused(|parent| parent.forbids = Some(model(3)));
    assert!(ancestor.contains("model:7@0 descends from model:3@0, which forbids"), "{ancestor}");
}

#[test]
fn an_owner_should_need_no_consent_of_its_own() {
    let mut own = parent(7, 1, &[]);
    own.facts.owner = PUBLISHER;
    own.permission = Permission::Owner;
    own.facts.terms.royalty = Permill::one();
    assert!(descend_from(&[own]).is_ok());
}

#[test]
fn a_royalty_should_hold_through_a_version_in_between() {
    let asks = |parts| {
        let mut shell = parent(7, 100_000, &[(3, 50_000)]);
        shell.royalties = vec![(model(3), Permill::from_parts(parts))];
        // Cited at first hand as well, and known from both.
        let mut direct = parent(3, 1_000, &[]);
        direct.royalties = shell.royalties.clone();
        descend_from(&[shell, direct])
    };
    assert!(asks(6_000).is_ok());
    let failure = asks(6_001).unwrap_err().to_string();
    assert!(failure.contains("model:3@0 is promised 0.6%"), "{failure}");
}

#[test]
fn seventeen_payees_should_be_refused_at_the_citation_that_brings_them() {
    let ancestors: Vec<_> = (100..109).map(|number| (number, 1_000)).collect();
    let mut parents = vec![parent(1, 100_000, &ancestors)];
    parents.extend((2..7).map(|number| parent(number, 1_000, &[])));
    assert_eq!(descend_from(&parents).unwrap().payees.len(), 16);
    parents.push(parent(7, 1_000, &[]));
    let text = refusal(&parents);
    assert!(text.contains("with model:7@0") && text.contains("more than 16 payees"), "{text}");
    let many: Vec<_> = (0..20).map(|number| parent(number, 1_000, &[])).collect();
    assert!(refusal(&many).contains("with model:15@0"));
}

#[test]
fn a_fifth_generation_should_be_refused_at_the_citation_that_makes_it() {
    let mut deep = parent(9, 500_000, &[(8, 100_000)]);
    for number in [7, 6, 5] {
        let share = Permill::zero();
        let node = LineageNode { asset: model(number), share, ..deep.lineage.nodes[0].clone() };
        deep.lineage.nodes.push(node);
    }
    for (from, to) in [(8, 7), (7, 6), (6, 5)] {
        let share = Permill::from_percent(1);
        deep.lineage.edges.push(LineageEdge { from: model(from), to: model(to), share });
    }
    assert_eq!(depth(model(9), &deep.lineage), 4);
    let text = refusal(&[parent(1, 1, &[]), deep]);
    assert!(text.contains("model:9@0 stands at the end of a chain of 4"), "{text}");
}

#[test]
fn the_depth_should_be_found_when_the_chain_answers_in_a_circle() {
    let mut circle = parent(1, 1, &[(2, 1)]);
    let share = Permill::from_percent(1);
    circle.lineage.edges.push(LineageEdge { from: model(2), to: model(1), share });
    assert_eq!(depth(model(1), &circle.lineage), MAX_DEPTH + 1);
}

#[test]
fn a_share_that_leaves_an_ancestor_nothing_should_be_told_the_least() {
    let text = refusal(&[parent(1, 100_000, &[]), parent(2, 10, &[(0, 30_000)])]);
    assert!(text.contains("share of model:2@0 is so small"), "{text}");
    // 0.003 parts for every part: 34 parts are the first to give one.
    assert!(text.contains("promise at least 0.0034%"), "{text}");
    assert!(descend_from(&[parent(2, 34, &[(0, 30_000)])]).is_ok());
    assert!(descend_from(&[parent(2, 33, &[(0, 30_000)])]).is_err());
}
