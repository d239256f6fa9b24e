//! How long a document takes: written into a reused buffer, compared with its copy, read for its identity.

use divan::{Bencher, black_box};
use invoice::Totals;

#[path = "../tests/documents/sample.rs"]
#[allow(dead_code, clippy::expect_used, reason = "the tests use more of it, and fail by panicking")]
mod sample;

fn main() {
    divan::main();
}

#[divan::bench]
fn write_ten_lines(bencher: Bencher<'_, '_>) {
    let event = sample::ten_lines();
    let Ok(totals) = Totals::of(&event, &invoice::Profile::default()) else { return };
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        black_box(ubl::write(
            &ubl::Document {
                event: &event,
                totals: &totals,
                icv: 1,
                profile: &invoice::Profile::default(),
                buyer: None,
            },
            &mut out,
        ))
        .is_ok()
    });
}

#[divan::bench]
fn same_document_ten_lines(bencher: Bencher<'_, '_>) {
    let document = sample::written(&sample::ten_lines());
    let copy = document.clone();
    bencher.bench_local(|| ubl::same_document(black_box(&document), black_box(&copy)).is_ok());
}

#[divan::bench]
fn identity_ten_lines(bencher: Bencher<'_, '_>) {
    let document = sample::written(&sample::ten_lines());
    bencher.bench_local(|| ubl::identity(black_box(&document)).is_ok());
}
