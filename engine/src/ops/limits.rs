//! DescribeLimits and DescribeEndpoints: the answers that every account of the service gets at first.

use api::types::{
    DescribeEndpointsRequest, DescribeEndpointsResponse, DescribeLimitsInput, DescribeLimitsOutput, Endpoint,
};
use api::{Context, Error};
use store::Store;

use crate::Engine;

const ACCOUNT_CAPACITY_UNITS: i64 = 80_000;
const TABLE_CAPACITY_UNITS: i64 = 40_000;
/// How long a client may remember an endpoint, in minutes.
const ENDPOINT_CACHE_MINUTES: i64 = 1440;
/// Where a client that asks for endpoints is led which does not say where it found this one. Never
/// to the service, which would send data that was meant to stay here.
const ENDPOINT_ADDRESS: &str = "localhost:8000";

pub(crate) async fn describe_limits<S: Store>(
    _: &Engine<S>,
    _: &Context,
    _: DescribeLimitsInput,
) -> Result<DescribeLimitsOutput, Error> {
    Ok(DescribeLimitsOutput {
        account_max_read_capacity_units: Some(ACCOUNT_CAPACITY_UNITS),
        account_max_write_capacity_units: Some(ACCOUNT_CAPACITY_UNITS),
        table_max_read_capacity_units: Some(TABLE_CAPACITY_UNITS),
        table_max_write_capacity_units: Some(TABLE_CAPACITY_UNITS),
    })
}

pub(crate) async fn describe_endpoints<S: Store>(
    _: &Engine<S>,
    context: &Context,
    _: DescribeEndpointsRequest,
) -> Result<DescribeEndpointsResponse, Error> {
    let endpoint = Endpoint {
        address: context
            .host
            .clone()
            .unwrap_or_else(|| ENDPOINT_ADDRESS.to_owned()),
        cache_period_in_minutes: ENDPOINT_CACHE_MINUTES,
    };
    Ok(DescribeEndpointsResponse {
        endpoints: vec![endpoint],
    })
}
