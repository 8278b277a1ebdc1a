//! What projections select.

use expr::Projection;

use crate::notation::{item, with_attributes};

const ITEM: &str =
    "{pk: 'p', a: {b: 1, c: {d: 2, e: 3}, f: null}, l: ['x', {y: 1, z: 2}, [7, 8], 'w'], s: <'m'>}";

#[track_caller]
fn check(text: &str, names: &str, expected: &str) {
    let projection = with_attributes(names, "", |attributes| Projection::parse(text, attributes)).unwrap();
    let projected = projection.apply(item(ITEM).attributes());
    assert_eq!(projected, item(expected), "{text}");
    projected.check().unwrap();
}

#[test]
fn selections() {
    for (text, names, expected) in [
        ("pk", "", "{pk: 'p'}"),
        ("s, pk, absent", "", "{pk: 'p', s: <'m'>}"),
        ("#p", "#p=pk", "{pk: 'p'}"),
        ("absent", "", "{}"),
        ("a.b", "", "{a: {b: 1}}"),
        ("a.c.e, a.b", "", "{a: {b: 1, c: {e: 3}}}"),
        ("a.absent", "", "{}"),
        ("a.c.absent.x, pk", "", "{pk: 'p'}"),
        ("a[0]", "", "{}"),
        ("l.a", "", "{}"),
        // Elements come in the order of the list, without gaps.
        ("l[3], l[0]", "", "{l: ['x', 'w']}"),
        ("l[1].z", "", "{l: [{z: 2}]}"),
        ("l[2][1], l[1].y, l[9]", "", "{l: [{y: 1}, [8]]}"),
        ("l[1].absent, l[2][5]", "", "{}"),
        (
            "a, l",
            "",
            "{a: {b: 1, c: {d: 2, e: 3}, f: null}, l: ['x', {y: 1, z: 2}, [7, 8], 'w']}",
        ),
        ("a.#f", "#f=f", "{a: {f: null}}"),
    ] {
        check(text, names, expected);
    }
}

#[test]
fn attributes_to_get() {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let projection = Projection::from_attributes_to_get(&names(&["s", "absent", "pk"])).unwrap();
    assert_eq!(
        projection.apply(item(ITEM).attributes()),
        item("{pk: 'p', s: <'m'>}")
    );
    // Names are taken as they are.
    let projection = Projection::from_attributes_to_get(&names(&["a.b", "status"])).unwrap();
    assert_eq!(
        projection.apply(item("{a.b: 1, status: 2, a: {b: 3}}").attributes()),
        item("{a.b: 1, status: 2}")
    );
    assert_eq!(
        Projection::from_attributes_to_get(&names(&["b", "a", "a"]))
            .unwrap_err()
            .to_string(),
        "One or more parameter values were invalid: Duplicate value in attribute name: a"
    );
}

#[test]
fn the_attributes_that_it_selects() {
    let projection = with_attributes("#x=d", "", |attributes| {
        Projection::parse("b.c, a, #x[1]", attributes)
    })
    .unwrap();
    assert_eq!(
        projection.top_level_attributes().collect::<Vec<_>>(),
        ["b", "a", "d"]
    );
}
