//! Goal: a panic in a product is found, one in a test is not. Method: one line at a time.

use super::{check, of_tests};
use crate::tree::tests::tree;

#[test]
fn a_panic_outside_tests_is_a_fault() {
    for line in [
        "a.unwrap();",
        "todo!()",
        "panic!(\"x\")",
        "unimplemented!()",
        "dbg!(a);",
    ] {
        let code = format!("fn a() {{ {line} }}");
        assert_eq!(
            check(&tree(&[("host/x/src/a.rs", &code)])).faults.len(),
            1,
            "{line}"
        );
    }
}

#[test]
fn a_panic_inside_tests_is_none() {
    let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { a().unwrap(); }\n}\n";
    assert!(check(&tree(&[("host/x/src/a.rs", code)])).faults.is_empty());
    assert!(
        check(&tree(&[(
            "host/x/src/a/tests.rs",
            "fn b() { a().unwrap(); }"
        )]))
        .faults
        .is_empty()
    );
    assert!(
        check(&tree(&[("tests/it/main.rs", "fn b() { a().unwrap(); }")]))
            .faults
            .is_empty()
    );
}

#[test]
fn code_after_a_test_module_is_product_again() {
    let code = "#[cfg(test)]\nmod tests;\nfn a() { b().unwrap(); }\n";
    assert_eq!(
        check(&tree(&[("host/x/src/a.rs", code)])).faults,
        ["host/x/src/a.rs:3: .unwrap() outside tests"]
    );
}

#[test]
fn unwrap_or_is_no_unwrap() {
    assert!(
        check(&tree(&[("host/x/src/a.rs", "fn a() { b.unwrap_or(1); }")]))
            .faults
            .is_empty()
    );
}

#[test]
fn an_ignored_test_is_a_fault_and_a_sleep_a_note() {
    let code = "#[test]\n#[ignore]\nfn a() { std::thread::sleep(b); }\n";
    let found = of_tests(&tree(&[("host/x/src/a/tests.rs", code)]));
    assert_eq!((found.faults.len(), found.notes.len()), (1, 1));
}
