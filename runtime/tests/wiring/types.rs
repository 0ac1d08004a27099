//! What clients that read the metadata see of the types that grow with every model family.

use super::*;
use scale_info::{
    form::PortableForm, meta_type, PortableRegistry, Registry, TypeDef, TypeDefVariant,
};

/// The variants of the type with this name in everything that a transaction can say.
fn variants(registry: &PortableRegistry, name: &str) -> TypeDefVariant<PortableForm> {
    let mut found = registry.types.iter().filter_map(|entry| match &entry.ty.type_def {
        TypeDef::Variant(variants)
            if entry.ty.path.segments.last().is_some_and(|last| *last == name) =>
        {
            Some(variants.clone())
        }
        _ => None,
    });
    let variants = found.next().unwrap_or_else(|| panic!("{name} is not in the metadata"));
    assert!(found.next().is_none(), "{name} is not unique");
    variants
}

/// The types of everything that a transaction can say.
fn registry() -> PortableRegistry {
    let mut registry = Registry::new();
    registry.register_type(&meta_type::<RuntimeCall>());
    registry.into()
}

#[test]
fn families_and_samplings_should_be_in_the_metadata_under_their_fixed_indices() {
    let registry = registry();
    let listed = |name: &str| -> Vec<(u8, String, Vec<String>)> {
        let fields = |variant: &scale_info::Variant<PortableForm>| {
            variant.fields.iter().filter_map(|field| field.name.clone()).collect()
        };
        variants(&registry, name)
            .variants
            .iter()
            .map(|variant| (variant.index, variant.name.clone(), fields(variant)))
            .collect()
    };
    let sampling = listed("Sampling");
    assert_eq!(sampling[0], (0, "Greedy".into(), vec![]));
    let parameters = ["seed", "temperature", "min_p"].map(String::from).to_vec();
    assert_eq!(sampling[1], (1, "Gumbel".into(), parameters));
    let families: Vec<_> =
        listed("Architecture").into_iter().map(|(index, name, _)| (index, name)).collect();
    assert_eq!(families, [(0, "Encoder".into()), (1, "Decoder".into())]);
}

#[test]
fn assets_and_access_should_be_in_the_metadata_under_their_fixed_indices() {
    let registry = registry();
    for (name, expected) in [
        ("AssetId", &["Model", "Dataset"][..]),
        ("Access", &["Open", "AllowList", "Paid"]),
        ("StatementKind", &["Audited", "ConsentVerified", "Disputed"]),
    ] {
        let listed = variants(&registry, name).variants;
        let listed: Vec<_> =
            listed.iter().map(|variant| (variant.index, variant.name.as_str())).collect();
        let expected: Vec<_> = (0..).zip(expected.iter().copied()).collect();
        assert_eq!(listed, expected, "{name}");
    }
}
