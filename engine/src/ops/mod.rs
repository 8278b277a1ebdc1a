//! The operations, one file each, and what they share.

mod batch_execute_statement;
mod batch_get_item;
mod batch_write_item;
mod continuous_backups;
mod contributor_insights;
mod create_table;
mod delete_item;
mod delete_table;
mod describe_stream;
mod describe_table;
mod describe_time_to_live;
mod execute_statement;
mod execute_transaction;
mod fingerprint;
mod get_item;
mod get_records;
mod get_shard_iterator;
mod item_collection;
mod key_schema;
mod limits;
mod list_streams;
mod list_tables;
pub(crate) mod not_built;
mod partiql;
mod put_item;
mod query;
mod read_request;
mod request;
mod restore_table_to_point_in_time;
mod restored_table;
mod scan;
mod streams;
mod table_description;
mod table_errors;
pub(crate) mod table_streams;
mod tags;
mod throughput;
mod transact_get_items;
mod transact_write_items;
mod transaction;
mod transfers;
mod unbuilt_parameters;
mod update_item;
mod update_table;
mod update_time_to_live;
mod write_request;

use api::Error;

pub(crate) use batch_execute_statement::batch_execute_statement;
pub(crate) use batch_get_item::batch_get_item;
pub(crate) use batch_write_item::batch_write_item;
pub(crate) use continuous_backups::{describe_continuous_backups, update_continuous_backups};
pub(crate) use contributor_insights::{
    describe_contributor_insights, list_contributor_insights, update_contributor_insights,
};
pub(crate) use create_table::create_table;
pub(crate) use delete_item::delete_item;
pub(crate) use delete_table::delete_table;
pub(crate) use describe_stream::describe_stream;
pub(crate) use describe_table::describe_table;
pub(crate) use describe_time_to_live::describe_time_to_live;
pub(crate) use execute_statement::execute_statement;
pub(crate) use execute_transaction::execute_transaction;
pub(crate) use get_item::get_item;
pub(crate) use get_records::get_records;
pub(crate) use get_shard_iterator::get_shard_iterator;
pub(crate) use limits::{describe_endpoints, describe_limits};
pub(crate) use list_streams::list_streams;
pub(crate) use list_tables::list_tables;
pub(crate) use put_item::put_item;
pub(crate) use query::query;
pub(crate) use request::check_values;
pub(crate) use restore_table_to_point_in_time::restore_table_to_point_in_time;
pub(crate) use scan::scan;
pub(crate) use table_description::describe_as_active;
pub(crate) use tags::{list_tags_of_resource, tag_resource, untag_resource};
pub(crate) use transact_get_items::transact_get_items;
pub(crate) use transact_write_items::{check_total_size, transact_write_items};
pub(crate) use transaction::all_or_cancelled;
pub(crate) use transfers::{
    create_backup, delete_backup, describe_backup, describe_export, describe_import,
    export_table_to_point_in_time, import_table, list_backups, list_exports, list_imports,
    restore_table_from_backup,
};
pub(crate) use update_item::update_item;
pub(crate) use update_table::update_table;
pub(crate) use update_time_to_live::update_time_to_live;

/// A request for items of a table that does not exist (AWS-FACTS 9).
pub(crate) fn resource_not_found() -> Error {
    Error::resource_not_found("Requested resource not found")
}

/// A request about a table that does not exist.
pub(crate) fn table_not_found(name: &str) -> Error {
    Error::resource_not_found(format!("Requested resource not found: Table: {name} not found"))
}
