//! Streams: enabled and disabled, listed, described, and read whole or from a place.

use std::cell::RefCell;
use std::rc::Rc;

use api::types::{
    DescribeStreamInput, GetRecordsInput, GetRecordsOutput, GetShardIteratorInput,
    GlobalSecondaryIndexUpdate, ListStreamsInput, Record, Shard, ShardIteratorType, StreamDescription,
    StreamSpecification, StreamStatus, StreamViewType, TableDescription, TableStatus, UpdateTableInput,
};
use api::{DynamoDb, Error, ErrorKind};

use super::agree::{agreed, same};
use super::control::{in_use, missing_table, same_shape};
use super::{Home, Session, TABLES_MAX};
use crate::random::{chance, pick};
use crate::schema;
use crate::stream::{Reader, SharedStream, Stream};
use crate::table::{Refusal, Table};

const VIEWS: [(StreamViewType, &str); 4] = [
    (StreamViewType::KeysOnly, "KEYS_ONLY"),
    (StreamViewType::NewImage, "NEW_IMAGE"),
    (StreamViewType::OldImage, "OLD_IMAGE"),
    (StreamViewType::NewAndOldImages, "NEW_AND_OLD_IMAGES"),
];

/// How many records a page holds at most.
const PAGE_RECORDS_MAX: usize = 1000;

fn specification(is_enabled: bool, view: Option<StreamViewType>) -> Option<StreamSpecification> {
    Some(StreamSpecification {
        stream_enabled: is_enabled,
        stream_view_type: view,
    })
}

fn invalid(message: &str) -> Refusal {
    Refusal::validation(format!("One or more parameter values were invalid: {message}"))
}

fn not_found(message: String) -> Refusal {
    Refusal::new(
        ErrorKind::ResourceNotFoundException,
        format!("Requested resource not found: {message}"),
    )
}

/// A place in a shard from which to read.
pub(super) struct Place<'p> {
    pub kind: ShardIteratorType,
    pub number: Option<&'p str>,
    pub time: Option<f64>,
}

impl Place<'_> {
    pub fn of(kind: ShardIteratorType) -> Self {
        Place {
            kind,
            number: None,
            time: None,
        }
    }
}

impl<H: Home> Session<H> {
    fn draw_view(&mut self) -> StreamViewType {
        pick(&mut self.rng, &VIEWS).0
    }

    /// A stream for a new table, or none, and what is wrong with it.
    pub(super) fn draw_specification(
        &mut self,
        is_large: bool,
    ) -> (Option<StreamSpecification>, Option<&'static str>) {
        let view = self.draw_view();
        let percent = if is_large { 15 } else { 60 };
        match self.rng.u8(..50) {
            0 => (
                specification(true, None),
                Some(
                    "One or more parameter values were invalid: Table is being created with a stream enabled, \
                     UpdateViewType is required",
                ),
            ),
            1 => (
                specification(false, Some(view)),
                Some(
                    "One or more parameter values were invalid: Table is being created with a stream disabled, \
                     UpdateViewType should not be specified",
                ),
            ),
            2 => (specification(false, None), None),
            _ if chance(&mut self.rng, percent) => (specification(true, Some(view)), None),
            _ => (None, None),
        }
    }

    /// Gives a table the stream that has just been enabled.
    pub(super) fn open_stream(
        &mut self,
        table: &mut Table,
        view: StreamViewType,
        description: &TableDescription,
    ) {
        // Two streams of one name that are enabled in the same moment have different labels.
        let newest = self
            .streams
            .iter()
            .filter(|stream| stream.borrow().table_name == table.name)
            .map(|stream| stream.borrow().label_ms + 1)
            .max();
        let label_ms = self.now_ms().max(newest.unwrap_or_default());
        let mut stream = Stream::new(&table.name, &table.schema, view, label_ms);
        stream.arn = description
            .latest_stream_arn
            .clone()
            .expect("a stream has an ARN");
        stream.label = description
            .latest_stream_label
            .clone()
            .expect("a stream has a label");
        let expected = format!(
            "arn:aws:dynamodb:us-east-1:000000000000:table/{}/stream/{}",
            table.name, stream.label
        );
        same("stream ARN", &expected, &stream.arn);
        let stream = Rc::new(RefCell::new(stream));
        table.stream = Some(stream.clone());
        self.streams.push(stream);
        self.streams.sort_by_key(|stream| {
            let stream = stream.borrow();
            (stream.table_name.clone(), stream.label_ms)
        });
        self.mix.count("stream enabled");
        let name = VIEWS.iter().find(|(known, _)| *known == view);
        self.mix.count(name.expect("all are there").1);
    }

    /// Closes the stream of a table that ceases to record its changes.
    pub(super) fn close_stream(&mut self, name: &str) {
        let now_ms = self.now_ms();
        let Some(stream) = self.tables[name].open_stream() else {
            return;
        };
        stream.borrow_mut().closed_ms = Some(now_ms);
        self.mix.count("stream closed");
    }

    /// Enables or disables the stream of a table.
    pub async fn set_stream(&mut self) {
        let name = self.table_name();
        let view = self.draw_view();
        let has_stream = self
            .tables
            .get(&name)
            .is_some_and(|table| table.open_stream().is_some());
        let is_large = self.tables.get(&name).is_some_and(|table| table.has_large_items);
        // The log of a table with large items is large too.
        let enables = chance(&mut self.rng, 90) != has_stream && (!is_large || chance(&mut self.rng, 20));
        let mut input = UpdateTableInput {
            table_name: self.named(&name),
            stream_specification: specification(enables, enables.then_some(view)),
            ..Default::default()
        };
        let mut wrong = None;
        match self.rng.u8(..40) {
            0 => {
                input.stream_specification = specification(true, None);
                wrong = Some("If stream is being enabled then UpdateViewType is required");
            }
            1 => {
                input.stream_specification = specification(false, Some(view));
                wrong = Some("If stream is being disabled, then UpdateViewType must not be specified");
            }
            2 => {
                input.provisioned_throughput = Some(schema::provisioned());
                wrong = Some("You cannot modify stream status while updating table IOPS");
            }
            3 => {
                input.global_secondary_index_updates = Some(vec![GlobalSecondaryIndexUpdate {
                    delete: Some(Default::default()),
                    ..Default::default()
                }]);
                wrong = Some("You cannot create or delete index while changing stream status");
            }
            _ => {}
        }
        self.log(format!("UpdateTable {name} {:?}", input.stream_specification));
        self.mix.count("UpdateTable");
        let answer = self.engine().update_table(&self.context, input).await;
        let (now_ms, until_ms) = (self.now_ms(), self.now_ms() + self.transition_ms);
        let predicted = match (wrong, self.tables.get(&name)) {
            (Some(message), _) => Err(invalid(message)),
            (None, None) => Err(missing_table(&name)),
            (None, Some(table)) if !table.is_usable(now_ms) || now_ms < table.changing_until_ms => {
                Err(in_use())
            }
            (None, Some(_)) => match (enables, has_stream) {
                (true, true) => Err(Refusal::validation(format!(
                    "Table already has an enabled stream: TableName: {name}"
                ))),
                (false, false) => Err(Refusal::validation(format!(
                    "Table has no stream to disable: TableName: {name}"
                ))),
                _ => Ok(()),
            },
        };
        let Some((answer, ())) = agreed(answer, predicted) else {
            return self.mix.count("refused changes of streams");
        };
        let description = answer.table_description.expect("a table is described");
        same("status", Some(TableStatus::Updating), description.table_status);
        if enables {
            let mut table = self.tables.remove(&name).expect("was checked to be there");
            self.open_stream(&mut table, view, &description);
            self.tables.insert(name.clone(), table);
        } else {
            self.close_stream(&name);
        }
        let table = self.tables.get_mut(&name).expect("was checked to be there");
        table.changing_until_ms = until_ms;
        same_shape(table, &description);
    }

    /// Takes over that a stream is not there any more. Panics where it must be, or where the error is
    /// another one.
    fn forget_stream(&mut self, stream: &SharedStream, error: &Error) {
        let now_ms = self.now_ms();
        let found = stream.borrow();
        let refusal = not_found(format!("Stream: {} not found", found.arn));
        let is_same = error.kind == refusal.kind && refusal.messages.contains(&error.message);
        assert!(
            is_same && found.may_be_forgotten(now_ms),
            "{}, closed at {:?}, now {now_ms}: {error}",
            found.arn,
            found.closed_ms
        );
        drop(found);
        self.streams.retain(|known| !Rc::ptr_eq(known, stream));
        self.mix.count("stream forgotten");
    }

    /// Lists the streams of a table or of all, in pages.
    pub async fn list_streams(&mut self) {
        let table_name = self
            .rng
            .bool()
            .then(|| format!("table-{}", self.rng.usize(..TABLES_MAX + 1)));
        let limit = self.rng.bool().then(|| self.rng.i32(1..5));
        self.log(format!("ListStreams {table_name:?} {limit:?}"));
        let mut listed = Vec::new();
        let mut start = None;
        loop {
            self.mix.count("ListStreams");
            let input = ListStreamsInput {
                table_name: table_name.clone(),
                limit,
                exclusive_start_stream_arn: start.take(),
            };
            let answer = self.engine().list_streams(&self.context, input).await;
            let answer = match (answer, &table_name) {
                (Ok(answer), _) => answer,
                (Err(error), Some(name)) if listed.is_empty() && !self.tables.contains_key(name) => {
                    agreed(Err::<(), _>(error), Err::<(), _>(missing_table(name)));
                    break;
                }
                (Err(error), _) => panic!("streams cannot be listed: {error}"),
            };
            let page = answer.streams.expect("there is a list");
            assert!(page.len() <= limit.unwrap_or(100) as usize);
            listed.extend(page);
            match answer.last_evaluated_stream_arn {
                None => break,
                last => {
                    same(
                        "last stream",
                        listed.last().and_then(|stream| stream.stream_arn.clone()),
                        last.clone(),
                    );
                    start = last;
                }
            }
        }
        let (now_ms, is_settled) = (self.now_ms(), self.is_settled());
        let mut listed = listed.into_iter().peekable();
        let is_wanted = |stream: &Stream| table_name.as_ref().is_none_or(|name| *name == stream.table_name);
        for stream in self.streams.clone() {
            let known = stream.borrow();
            if !is_wanted(&known) {
                continue;
            }
            if listed
                .next_if(|found| found.stream_arn.as_ref() == Some(&known.arn))
                .is_some_and(|found| {
                    same("table", Some(&known.table_name), found.table_name.as_ref());
                    same("label", Some(&known.label), found.stream_label.as_ref());
                    true
                })
            {
                let is_overdue = is_settled && known.may_be_forgotten(now_ms);
                assert!(!is_overdue, "{} was not forgotten", known.arn);
                continue;
            }
            assert!(known.may_be_forgotten(now_ms), "{} is not listed", known.arn);
            drop(known);
            self.streams.retain(|other| !Rc::ptr_eq(other, &stream));
            self.mix.count("stream forgotten");
        }
        assert!(listed.peek().is_none(), "{:?} is listed", listed.next());
    }

    /// All shards of a stream, in pages; `None` where the stream is forgotten.
    pub(super) async fn shards(&mut self, stream: &SharedStream) -> Option<Vec<Shard>> {
        let arn = stream.borrow().arn.clone();
        let limit = match self.rng.u8(..4) {
            0 => Some(self.rng.i32(1..4)),
            1 => Some(100),
            _ => None,
        };
        let mut shards: Vec<Shard> = Vec::new();
        let mut start = None;
        loop {
            self.mix.count("DescribeStream");
            let input = DescribeStreamInput {
                stream_arn: arn.clone(),
                limit,
                exclusive_start_shard_id: start.take(),
                ..Default::default()
            };
            let description = match self.engine().describe_stream(&self.context, input).await {
                Ok(answer) => answer.stream_description.expect("a stream is described"),
                Err(error) => {
                    self.forget_stream(stream, &error);
                    return None;
                }
            };
            self.same_stream(&stream.borrow(), &description);
            let page = description.shards.expect("there is a list");
            assert!(page.len() <= limit.unwrap_or(100) as usize);
            shards.extend(page);
            match description.last_evaluated_shard_id {
                None => break,
                last => {
                    let newest = shards.last().and_then(|shard| shard.shard_id.clone());
                    same("last shard", newest, last.clone());
                    start = last;
                }
            }
        }
        let known = stream.borrow().shards.len();
        let (now_ms, is_settled) = (self.now_ms(), self.is_settled());
        stream
            .borrow_mut()
            .learn_shards(&shards, &self.settings, now_ms, is_settled);
        if known > 0 && stream.borrow().shards.len() > known {
            self.mix.count("stream rolled over");
        }
        Some(shards)
    }

    fn same_stream(&self, stream: &Stream, description: &StreamDescription) {
        let now_ms = self.now_ms();
        let status = match stream.closed_ms {
            None if now_ms < stream.label_ms + self.transition_ms => StreamStatus::Enabling,
            None => StreamStatus::Enabled,
            Some(closed_ms) if now_ms < closed_ms + self.transition_ms => StreamStatus::Disabling,
            Some(_) => StreamStatus::Disabled,
        };
        same("status", Some(status), description.stream_status);
        same("ARN", Some(&stream.arn), description.stream_arn.as_ref());
        same("label", Some(&stream.label), description.stream_label.as_ref());
        same("view", Some(stream.view), description.stream_view_type);
        same("table", Some(&stream.table_name), description.table_name.as_ref());
        same(
            "time of creation",
            Some(stream.label_ms as f64 / 1000.0),
            description.creation_request_date_time,
        );
        same(
            "key schema",
            Some(stream.schema.elements()),
            description.key_schema.clone(),
        );
    }

    pub(super) async fn shard_iterator(
        &mut self,
        stream: &SharedStream,
        shard: &str,
        place: Place<'_>,
    ) -> Result<String, Error> {
        self.mix.count("GetShardIterator");
        self.mix.count(place.kind.as_str());
        let input = GetShardIteratorInput {
            stream_arn: stream.borrow().arn.clone(),
            shard_id: shard.to_owned(),
            shard_iterator_type: place.kind,
            sequence_number: place.number.map(str::to_owned),
            timestamp: place.time,
        };
        let answer = self.engine().get_shard_iterator(&self.context, input).await?;
        Ok(answer.shard_iterator.expect("there is an iterator"))
    }

    pub(super) async fn records(
        &mut self,
        iterator: &str,
        limit: Option<i32>,
    ) -> Result<GetRecordsOutput, Error> {
        self.mix.count("GetRecords");
        let input = GetRecordsInput {
            shard_iterator: iterator.to_owned(),
            limit,
        };
        let answer = self.engine().get_records(&self.context, input).await?;
        let count = answer.records.as_ref().map_or(0, Vec::len);
        assert!(count <= limit.map_or(PAGE_RECORDS_MAX, |limit| limit as usize));
        Ok(answer)
    }

    pub(super) fn draw_limit(&mut self) -> Option<i32> {
        match self.rng.u8(..6) {
            0 => Some(1),
            1 => Some(self.rng.i32(1..10)),
            2 => Some(self.rng.i32(1..=1000)),
            _ => None,
        }
    }

    pub async fn read_any_stream(&mut self) {
        if self.streams.is_empty() {
            return;
        }
        let stream = pick(&mut self.rng, &self.streams).clone();
        self.read_stream(&stream).await;
    }

    pub async fn read_all_streams(&mut self) {
        for stream in self.streams.clone() {
            self.read_stream(&stream).await;
        }
    }

    /// Reads a whole stream and compares it with the history: all that is not trimmed, once, in
    /// order.
    async fn read_stream(&mut self, stream: &SharedStream) {
        self.log(format!("read all of {}", stream.borrow().arn));
        if self.is_in_work && stream.borrow().may_be_trimmed(self.now_ms()) {
            self.log("all background steps".to_owned());
            self.settle().await;
        }
        let Some(mut reader) = self.read_once(stream).await else {
            return;
        };
        if self.is_in_work && !reader.is_complete(&stream.borrow()) {
            // In the middle of a rollover the newest records cannot be read.
            self.log("all background steps".to_owned());
            self.settle().await;
            self.mix.count("whole streams after a rollover");
            match self.read_once(stream).await {
                None => return,
                Some(again) => reader = again,
            }
        }
        assert!(
            reader.is_complete(&stream.borrow()),
            "records are missing at the end of {}",
            stream.borrow().arn
        );
        self.mix.count("whole streams");
    }

    async fn read_once(&mut self, stream: &SharedStream) -> Option<Reader> {
        let shards = self.shards(stream).await?;
        let limit = self.draw_limit().filter(|limit| *limit > 5);
        let mut records: Vec<(String, Record)> = Vec::new();
        for shard in &shards {
            let id = shard.shard_id.as_ref().expect("a shard has an id");
            let place = Place::of(ShardIteratorType::TrimHorizon);
            let mut next = self.shard_iterator(stream, id, place).await.ok();
            let range = shard.sequence_number_range.as_ref();
            let is_open = range.is_some_and(|range| range.ending_sequence_number.is_none());
            while let Some(iterator) = next {
                let page = self.records(&iterator, limit).await.expect("the shard is there");
                let found = page.records.expect("there is a list");
                next = page.next_shard_iterator;
                assert!(next.is_some() || !is_open, "{id} is open and ends");
                // Only a shard that has ended comes to an end.
                if is_open && found.is_empty() {
                    break;
                }
                records.extend(found.into_iter().map(|record| (id.clone(), record)));
            }
        }
        let now_ms = self.now_ms();
        let is_settled = self.is_settled();
        let mut stream = stream.borrow_mut();
        // The newest records may be missing, but nothing is trimmed.
        let mut reader = if self.is_in_work {
            Reader::new(0)
        } else {
            Reader::of_last(&stream, &records, now_ms)
        };
        for shard in &shards {
            let id = shard.shard_id.as_ref().expect("a shard has an id");
            reader.start_shard(id, shard.parent_shard_id.as_deref());
        }
        for (shard, record) in &records {
            reader.take(&mut stream, shard, record);
        }
        if is_settled {
            let trimmed = stream.aged(now_ms);
            assert!(
                reader.seen_count + trimmed <= stream.changes.len(),
                "{}: {} records, of {} changes of which {trimmed} are old",
                stream.arn,
                reader.seen_count,
                stream.changes.len()
            );
            self.mix.hit(
                "settled streams",
                "settled streams with trimmed records",
                trimmed > 0,
            );
        }
        let seen = reader.seen_count;
        drop(stream);
        (0..seen).for_each(|_| self.mix.count("records"));
        Some(reader)
    }
}
