//! The streams of tables, as CreateTable and UpdateTable open and DescribeTable shows them.

use api::Error;
use api::types::{StreamSpecification, StreamViewType};
use store::{Batch, Store};

use crate::Engine;
use crate::catalog::{StreamView, TableDescriptor, TableStream};
use crate::error::from_store;
use crate::streams::lifecycle::open_stream;

/// The view type of a request.
pub(crate) fn view_of(view: StreamViewType) -> StreamView {
    match view {
        StreamViewType::KeysOnly => StreamView::KeysOnly,
        StreamViewType::NewImage => StreamView::NewImage,
        StreamViewType::OldImage => StreamView::OldImage,
        StreamViewType::NewAndOldImages => StreamView::NewAndOldImages,
    }
}

/// The view type of an answer.
pub(crate) fn shown_view(view: StreamView) -> StreamViewType {
    match view {
        StreamView::KeysOnly => StreamViewType::KeysOnly,
        StreamView::NewImage => StreamViewType::NewImage,
        StreamView::OldImage => StreamViewType::OldImage,
        StreamView::NewAndOldImages => StreamViewType::NewAndOldImages,
    }
}

/// A stream that is about to be opened: what has to be known before the commit.
pub(super) struct NewStream {
    label_ms: u64,
    view: StreamView,
    open_shards: u32,
    /// A log number from before the commit.
    after: u64,
}

impl NewStream {
    /// Asks the store for what a stream of the table named `table_name` begins with.
    pub async fn prepare<S: Store>(
        engine: &Engine<S>,
        table_name: &str,
        view: StreamView,
    ) -> Result<Self, Error> {
        Ok(NewStream {
            label_ms: engine.next_stream_label_ms(table_name).await?,
            view,
            open_shards: engine.settings.open_shards,
            after: engine.store.log_end().await.map_err(from_store)?,
        })
    }

    /// Opens the stream in the commit that changes the table.
    pub fn open(&self, descriptor: &mut TableDescriptor, id: u32, batch: &mut Batch) {
        open_stream(
            descriptor,
            id,
            self.label_ms,
            self.view,
            self.open_shards,
            self.after,
            batch,
        );
    }
}

/// StreamSpecification as a table shows it: only while its stream is enabled.
pub(super) fn described(stream: &TableStream) -> Option<StreamSpecification> {
    stream.enabled.then(|| StreamSpecification {
        stream_enabled: true,
        stream_view_type: Some(shown_view(stream.view)),
    })
}
