//! `stator top`: a server that runs, watched from a terminal.
//!
//! It reads over HTTP, as anybody could: from `/metrics`, where tables, latencies and what the store does come
//! in one answer; and, for the hottest keys, from the API, since keys are no labels of metrics: there are too
//! many of them, and they are data. `client` asks, `page` reads the page of metrics, `reading` is all that one
//! look found, `view` is what two of them come to, `draw` puts that on a screen, `plain` into lines.

mod client;
mod draw;
mod page;
mod plain;
mod reading;
#[cfg(test)]
mod tests;
mod view;

use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use tokio::runtime::Runtime;

use self::client::Client;
use self::reading::Reading;
use self::view::{Order, View};
use crate::arguments::TopArguments;
use crate::failure::Failure;

/// How long a key that was pressed waits at most.
const KEYS_EVERY: Duration = Duration::from_millis(100);

/// What a look found, or why it found nothing.
type Look = Result<(Reading, Instant), Failure>;

/// Watches a server until `q` is pressed, or prints one snapshot.
pub fn top(arguments: &TopArguments) -> Result<(), Failure> {
    let client = Client::new(&arguments.endpoint)?;
    let runtime =
        Runtime::new().map_err(|error| Failure::new(format!("threads cannot be started: {error}")))?;
    // Where nothing answers, a screen is not even begun.
    let first = runtime.block_on(look(&client))?;
    if arguments.once {
        std::thread::sleep(arguments.interval);
        let second = runtime.block_on(look(&client))?;
        let text = plain::lines(&view_of(&client, &first, &second), Order::default());
        // Whoever closed the output does not want to read it.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
        return Ok(());
    }
    let (looks, found) = channel();
    runtime.spawn(keep_looking(client.clone(), arguments.interval, looks));
    let mut terminal = ratatui::try_init()
        .map_err(|error| Failure::new(format!("this is no terminal to draw on ({error}); try --once")))?;
    let watched = watch(&mut terminal, &client, first, &found);
    ratatui::restore();
    runtime.shutdown_background();
    watched.map_err(|error| Failure::new(format!("the terminal is gone: {error}")))
}

async fn look(client: &Client) -> Look {
    let reading = Reading::take(client).await?;
    Ok((reading, Instant::now()))
}

async fn keep_looking(client: Client, interval: Duration, looks: Sender<Look>) {
    loop {
        tokio::time::sleep(interval).await;
        if looks.send(look(&client).await).is_err() {
            return;
        }
    }
}

fn view_of(client: &Client, before: &(Reading, Instant), now: &(Reading, Instant)) -> View {
    View::between(client.endpoint(), &before.0, &now.0, now.1 - before.1)
}

/// Draws what is found until somebody has seen enough.
fn watch(
    terminal: &mut ratatui::DefaultTerminal,
    client: &Client,
    first: (Reading, Instant),
    found: &Receiver<Look>,
) -> std::io::Result<()> {
    let mut view = view_of(client, &first, &first);
    let mut newest = first;
    let mut order = Order::default();
    loop {
        terminal.draw(|frame| draw::draw(frame, &view, order))?;
        if event::poll(KEYS_EVERY)?
            && let Event::Key(key) = event::read()?
            && key.kind == KeyEventKind::Press
        {
            let is_interrupt = key.code == KeyCode::Char('c') && key.modifiers == KeyModifiers::CONTROL;
            match key.code {
                _ if is_interrupt => return Ok(()),
                KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
                KeyCode::Char(letter) => order = Order::of_key(letter).unwrap_or(order),
                _ => {}
            }
        }
        while let Ok(look) = found.try_recv() {
            match look {
                Ok(next) => {
                    view = view_of(client, &newest, &next);
                    newest = next;
                }
                // What was seen last stays, with the reason why nothing new comes.
                Err(failure) => view.trouble = Some(failure.to_string()),
            }
        }
    }
}
