use std::convert::Infallible;

use axum::body::Bytes;
use futures_util::stream;

use super::*;

fn streamed(chunks: Vec<Vec<u8>>) -> Lines {
    let chunks = chunks.into_iter().map(|chunk| Ok::<_, Infallible>(Bytes::from(chunk)));
    Lines::new(Body::from_stream(stream::iter(chunks)), CancellationToken::new())
}

/// A body of which nothing more comes for now.
fn open(beginning: &'static str) -> Body {
    let beginning = stream::iter([Ok::<_, Infallible>(Bytes::from_static(beginning.as_bytes()))]);
    Body::from_stream(beginning.chain(stream::pending()))
}

async fn all(mut lines: Lines, limit: usize) -> Vec<Vec<Input>> {
    let mut batches = Vec::new();
    loop {
        let batch = lines.next_batch(limit).await;
        if batch.is_empty() {
            return batches;
        }
        batches.push(batch);
    }
}

fn flat(batches: Vec<Vec<Input>>) -> Vec<Input> {
    batches.into_iter().flatten().collect()
}

fn event(line: u64, text: &str) -> Input {
    Input::Event(line, text.as_bytes().to_vec())
}

#[tokio::test]
async fn chunks_may_be_of_any_size() {
    let text = "أول\n\n \r\nثان\nبلا نهاية";
    let expected = [event(1, "أول\n"), event(4, "ثان\n"), event(5, "بلا نهاية\n")];
    for size in 1..=text.len() {
        let lines = streamed(text.as_bytes().chunks(size).map(<[u8]>::to_vec).collect());
        assert_eq!(flat(all(lines, 256).await), expected, "in chunks of {size}");
    }
}

#[tokio::test]
async fn blank_lines_count_but_are_no_end() {
    let text = "1\n\n\n2\n".to_owned() + &"\n".repeat(1_000) + "3\n4\n5\n";
    let batches = all(streamed(vec![text.into_bytes()]), 3).await;
    let numbers: Vec<Vec<u64>> = batches
        .iter()
        .map(|batch| {
            let number = |input: &Input| if let Input::Event(line, _) = input { *line } else { 0 };
            batch.iter().map(number).collect()
        })
        .collect();
    assert_eq!(numbers, [vec![1], vec![4], vec![1005], vec![1006, 1007]]);
}

#[tokio::test]
async fn a_line_that_is_too_long_is_passed_over_once() {
    let long = vec![b'x'; invoice::limits::EVENT_BYTES];
    let chunks = vec![b"1\n".to_vec(), long.clone(), long.clone(), long, b"x\n3\n".to_vec()];
    let mut lines = streamed(chunks);
    assert_eq!(lines.next_batch(9).await, [event(1, "1\n")]);
    assert_eq!(lines.next_batch(9).await, [Input::TooLong(2)]);
    assert!(lines.buffer.len() <= invoice::limits::EVENT_BYTES);
    assert_eq!(lines.next_batch(9).await, [event(3, "3\n")]);
    assert_eq!(lines.next_batch(9).await, []);
}

/// Lines that come byte by byte: a search from their beginning for each byte would take minutes.
#[tokio::test]
async fn single_bytes_cost_no_more_than_large_chunks() {
    let bytes = (0..300_000).map(|n| if n % 100_000 == 99_999 { vec![b'\n'] } else { vec![b'x'] });
    let start = std::time::Instant::now();
    assert_eq!(flat(all(streamed(bytes.collect()), 256).await).len(), 3);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn whoever_trickles_is_cut() {
    let drops = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b"\n")), ()))
    });
    let mut lines = Lines::new(Body::from_stream(drops), CancellationToken::new());
    let start = Instant::now();
    let batch = lines.next_batch(2).await;
    assert!(matches!(batch[..], [Input::Broken(60 | 61, _)]), "{batch:?}");
    assert_eq!(start.elapsed(), PATIENCE);
    assert_eq!(lines.next_batch(2).await, []);
    lines.farewell().await;
    assert_eq!(start.elapsed(), PATIENCE + FAREWELL);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_heard_while_waiting_and_between_batches() {
    let stop = CancellationToken::new();
    let mut waiting = Lines::new(open("1\n2"), stop.clone());
    let mut busy = Lines::new(open("1\n2\n3\n"), stop.clone());
    assert_eq!(waiting.next_batch(9).await, [event(1, "1\n")]);
    assert_eq!(busy.next_batch(1).await, [event(1, "1\n")]);
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.cancel();
    };
    let (last, ()) = tokio::join!(waiting.next_batch(9), stopping);
    assert_eq!(last, [Input::Stopping(2)]);
    assert_eq!(busy.next_batch(1).await, [Input::Stopping(2)]);
    assert_eq!(busy.next_batch(1).await, []);
    // What has been handed out wholly needs no word about the rest.
    let mut done = streamed(vec![b"1\n".to_vec()]);
    assert_eq!(done.next_batch(9).await, [event(1, "1\n")]);
    assert_eq!(done.next_batch(9).await, []);
    done.stopping.cancel();
    assert_eq!(done.next_batch(9).await, []);
}
