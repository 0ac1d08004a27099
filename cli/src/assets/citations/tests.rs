use super::*;
use crate::error::Kind;
use vigil_primitives::{
    grant::{Permission, Unusable},
    lineage::{LineageEdge, LineageView},
    samples,
    terms::{Access, GrantTerms},
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
    let nodes = nodes.map(|(number, parts)| node(number, parts));
    let edges = cites.iter().map(|(to, parts)| edge(number, *to, *parts));
    let view = LineageView { nodes: nodes.collect(), edges: edges.collect() };
    cited(number, parts, view)
}

fn cited(number: u32, parts: u32, view: LineageView) -> Parent {
    let citation = Share { asset: model(number), share: Permill::from_parts(parts) };
    Parent::new(citation, Permission::Open, view).unwrap()
}

fn node(number: u32, parts: u32) -> LineageNode {
    LineageNode {
        asset: model(number),
        name: name("other"),
        owner: OTHER,
        status: VersionStatus::Active,
        share: Permill::from_parts(parts),
    }
}

fn edge(from: u32, to: u32, parts: u32) -> LineageEdge {
    LineageEdge { from: model(from), to: model(to), share: Permill::from_parts(parts) }
}

/// Everything about these parents: all assets are open and somebody else's.
fn known(parents: Vec<Parent>) -> Cited {
    let nodes = parents.iter().flat_map(|parent| &parent.view.nodes);
    let facts = |node: &LineageNode| {
        let terms = samples::terms(Access::Open);
        (node.asset, Asset { owner: node.owner.clone(), status: node.status, terms })
    };
    let assets = nodes.map(facts).collect();
    Cited { parents, assets }
}

fn descend_in(known: &Cited) -> CommandResult<Descent> {
    let name = name("new");
    let asset = model(u32::MAX);
    let offspring = Offspring { asset, name: &name, commercial: true, publisher: &PUBLISHER };
    descend(&offspring, known)
}

fn descend_from(parents: Vec<Parent>) -> CommandResult<Descent> {
    descend_in(&known(parents))
}

fn refusal(known: &Cited) -> String {
    let failure = descend_in(known).unwrap_err();
    assert_eq!(failure.kind(), Kind::Rejected, "{failure}");
    failure.to_string()
}

/// The second of two parents is version 0 of model 7, which cites that of model 3: what the chain
/// says of it is changed.
fn refused(change: fn(&mut Cited)) -> String {
    let mut known = known(vec![parent(6, 10_000, &[]), parent(7, 50_000, &[(3, 1_000)])]);
    change(&mut known);
    refusal(&known)
}

/// What the chain says of an asset.
fn asset(known: &mut Cited, number: u32) -> &mut Asset<AccountId> {
    known.assets.get_mut(&model(number)).unwrap()
}

#[test]
fn a_citation_should_be_read_with_its_share() {
    let cites = |asset: &str, parts| Citation {
        cited: Named::Asset(asset.parse().unwrap()),
        share: Permill::from_parts(parts),
    };
    assert_eq!(parse_parent("0@1=5%"), Ok(cites("model:0@1", 50_000)));
    assert_eq!(parse_parent("dataset:3@0=0.0001%"), Ok(cites("dataset:3@0", 1)));
    assert_eq!(parse_dataset("3@2=2%"), Ok(cites("dataset:3@2", 20_000)));
    assert_eq!(parse_dataset("dataset:3@2=2%"), Ok(cites("dataset:3@2", 20_000)));
    let newest = Citation { cited: Named::Newest(3), share: Permill::from_percent(2) };
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
    let descent = descend_from(vec![parent(1, 100_000, &[(0, 200_000)]), parent(0, 50_000, &[])]);
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
    assert_eq!(descend_from(vec![]).unwrap().payees.len(), 1);
}

#[test]
fn a_citation_without_consent_should_be_named_with_what_to_do() {
    let revoked = refused(|known| known.parents[1].permission = Permission::Revoked);
    assert!(revoked.contains("model:7@0 is revoked"), "{revoked}");
    let no_grant = refused(|known| {
        let grant = GrantTerms { price: 5, duration: 9, uses: None };
        asset(known, 7).terms.access = Access::Paid(grant);
        known.parents[1].permission = Permission::NoGrant;
    });
    assert!(no_grant.contains("vigil grant buy model:7@0"), "{no_grant}");
    let exhausted = refused(|known| {
        asset(known, 7).terms.access = Access::AllowList;
        known.parents[1].permission = Permission::Unusable(Unusable::Exhausted);
    });
    assert!(exhausted.contains("model:7@0 has no use left"), "{exhausted}");
    let royalty = refused(|known| asset(known, 7).terms.royalty = Permill::from_parts(50_001));
    assert!(royalty.contains("model:7@0 is promised 5%"), "{royalty}");
    assert!(royalty.contains("at least 5.0001%"), "{royalty}");
    let itself = refused(|known| asset(known, 7).terms.commercial = false);
    assert!(itself.contains("model:7@0 forbids commercial use"), "{itself}");
    let ancestor = refused(|known| {
        known.parents[1].permission = Permission::Owner;
        asset(known, 7).owner = PUBLISHER;
        asset(known, 7).terms.commercial = false;
        asset(known, 3).terms.commercial = false;
    });
    assert!(ancestor.contains("model:7@0 descends from model:3@0, which forbids"), "{ancestor}");
}

#[test]
fn an_owner_should_need_no_consent_of_its_own() {
    let mut own = known(vec![parent(7, 1, &[])]);
    own.parents[0].permission = Permission::Owner;
    asset(&mut own, 7).owner = PUBLISHER;
    asset(&mut own, 7).terms.royalty = Permill::one();
    assert!(descend_in(&own).is_ok());
}

#[test]
fn a_royalty_should_hold_through_a_version_in_between() {
    let asks = |parts| {
        // Cited at first hand as well, and known from both.
        let parents = vec![parent(7, 100_000, &[(3, 50_000)]), parent(3, 1_000, &[])];
        let mut known = known(parents);
        asset(&mut known, 3).terms.royalty = Permill::from_parts(parts);
        descend_in(&known)
    };
    assert!(asks(6_000).is_ok());
    let failure = asks(6_001).unwrap_err().to_string();
    assert!(failure.contains("model:3@0 is promised 0.6%"), "{failure}");
}

#[test]
fn seventeen_payees_should_be_refused_at_the_citation_that_brings_them() {
    let ancestors: Vec<_> = (100..109).map(|number| (number, 1_000)).collect();
    let parents = |end| {
        let mut parents = vec![parent(1, 100_000, &ancestors)];
        parents.extend((2..end).map(|number| parent(number, 1_000, &[])));
        parents
    };
    assert_eq!(descend_from(parents(7)).unwrap().payees.len(), 16);
    let text = refusal(&known(parents(8)));
    assert!(text.contains("with model:7@0") && text.contains("more than 16 payees"), "{text}");
    let many: Vec<_> = (0..20).map(|number| parent(number, 1_000, &[])).collect();
    assert!(refusal(&known(many)).contains("with model:15@0"));
}

#[test]
fn a_fifth_generation_should_be_refused_at_the_citation_that_makes_it() {
    let nodes = vec![node(9, 900_000), node(8, 100_000), node(7, 0), node(6, 0), node(5, 0)];
    let chain = [(9, 8, 100_000), (8, 7, 10_000), (7, 6, 10_000), (6, 5, 10_000)];
    let edges = chain.map(|(from, to, parts)| edge(from, to, parts)).to_vec();
    let deep = cited(9, 500_000, LineageView { nodes, edges });
    let text = refusal(&known(vec![parent(1, 1, &[]), deep]));
    assert!(text.contains("model:9@0 stands at the end of a chain of 4"), "{text}");
}

#[test]
fn a_share_that_leaves_an_ancestor_nothing_should_be_told_the_least() {
    let cites = |parts| parent(2, parts, &[(0, 30_000)]);
    let text = refusal(&known(vec![parent(1, 100_000, &[]), cites(10)]));
    assert!(text.contains("share of model:2@0 is so small"), "{text}");
    // 0.003 parts for every part: 34 parts are the first to give one.
    assert!(text.contains("promise at least 0.0034%"), "{text}");
    assert!(descend_from(vec![cites(34)]).is_ok());
    assert!(descend_from(vec![cites(33)]).is_err());
}
