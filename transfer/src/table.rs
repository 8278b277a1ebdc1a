//! A table of a database: what it is, all that it holds, and putting items into it.

use api::types::{DescribeTableInput, PutItemInput, ScanInput, TableDescription};
use api::{AttributeMap, Context, DynamoDb, Operation, dispatch};
use futures_util::stream::{self, Stream};
use model::Item;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::Error;

/// A table, by its name, of a database that speaks the API.
pub struct Table<'d, D> {
    database: &'d D,
    context: &'d Context,
    name: String,
}

impl<D> Clone for Table<'_, D> {
    fn clone(&self) -> Self {
        Table {
            database: self.database,
            context: self.context,
            name: self.name.clone(),
        }
    }
}

/// Where items go.
pub trait ItemSink: Sync {
    /// Takes an item, as PutItem does. A ValidationException is the item's own fault, every other error
    /// ends the transfer.
    fn put(&self, item: AttributeMap) -> impl Future<Output = Result<(), api::Error>> + Send;
}

/// What it takes to make a table like another one: the JSON of a CreateTable request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TableDefinition(Map<String, Value>);

/// Settings of a table that CreateTable does not make, or that the service does not restore.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableSettings {
    /// The attribute that says when an item expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_live_attribute: Option<String>,
    /// Tags, as TagResource takes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Value>,
    /// The change stream, as CreateTable takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_specification: Option<Value>,
    /// Whether DeleteTable is refused.
    #[serde(default)]
    pub deletion_protection: bool,
}

impl<'d, D: DynamoDb> Table<'d, D> {
    /// The table of that name. Whether there is one shows with the first call.
    pub fn new(database: &'d D, context: &'d Context, name: impl Into<String>) -> Self {
        Table {
            database,
            context,
            name: name.into(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What DescribeTable says of it.
    pub async fn describe(&self) -> Result<TableDescription, Error> {
        let input = DescribeTableInput {
            table_name: self.name.clone(),
        };
        let output = self.database.describe_table(self.context, input).await?;
        Ok(output.table.unwrap_or_default())
    }

    /// What DescribeTable says of it; `None` where there is no such table.
    pub async fn find(&self) -> Result<Option<TableDescription>, Error> {
        match self.describe().await {
            Ok(description) => Ok(Some(description)),
            Err(Error::Refused(error)) if error.kind == api::ErrorKind::ResourceNotFoundException => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All its items in key order, page by page, each page of its own moment.
    pub fn pages(&self) -> impl Stream<Item = Result<Vec<Item>, Error>> + Send + use<'d, D> {
        let (database, context, name) = (self.database, self.context, self.name.clone());
        // `None` at the end; inside, where to go on, which the first page does not have.
        stream::try_unfold(Some(None), move |position: Option<Option<AttributeMap>>| {
            let name = name.clone();
            async move {
                let Some(start_key) = position else {
                    return Ok(None);
                };
                let input = ScanInput {
                    table_name: name,
                    consistent_read: Some(true),
                    exclusive_start_key: start_key,
                    ..ScanInput::default()
                };
                let page = database.scan(context, input).await?;
                let items = page.items.unwrap_or_default();
                let items = items.into_iter().map(|attributes| attributes.item).collect();
                Ok(Some((items, page.last_evaluated_key.map(Some))))
            }
        })
    }

    /// Makes the table. It is there, and empty, when this returns.
    pub async fn create(&self, definition: &TableDefinition) -> Result<(), Error> {
        let mut request = definition.0.clone();
        request.insert("TableName".to_owned(), self.name.clone().into());
        self.call(Operation::CreateTable, &Value::Object(request))
            .await
            .map(|_| ())
    }

    /// Removes the table.
    pub async fn delete(&self) -> Result<(), Error> {
        self.call(Operation::DeleteTable, &json!({ "TableName": self.name }))
            .await
            .map(|_| ())
    }

    /// What it takes to make one like it.
    pub async fn definition(&self) -> Result<(TableDefinition, TableSettings), Error> {
        let named = json!({ "TableName": self.name });
        let described = self.call(Operation::DescribeTable, &named).await?;
        let described = &described["Table"];
        let definition = definition_of(described);
        let time_to_live = self.call(Operation::DescribeTimeToLive, &named).await?;
        let time_to_live = &time_to_live["TimeToLiveDescription"];
        let is_enabled = matches!(
            time_to_live["TimeToLiveStatus"].as_str(),
            Some("ENABLED" | "ENABLING")
        );
        let attribute = time_to_live["AttributeName"].as_str().filter(|_| is_enabled);
        let stream = &described["StreamSpecification"];
        let settings = TableSettings {
            time_to_live_attribute: attribute.map(str::to_owned),
            tags: self.tags(&described["TableArn"]).await?,
            stream_specification: (stream["StreamEnabled"] == true).then(|| stream.clone()),
            deletion_protection: described["DeletionProtectionEnabled"] == true,
        };
        Ok((definition, settings))
    }

    async fn tags(&self, table_arn: &Value) -> Result<Vec<Value>, Error> {
        let mut tags = Vec::new();
        let mut request = json!({ "ResourceArn": table_arn });
        loop {
            let answer = self.call(Operation::ListTagsOfResource, &request).await?;
            tags.extend(answer["Tags"].as_array().cloned().unwrap_or_default());
            match &answer["NextToken"] {
                Value::Null => return Ok(tags),
                token => request["NextToken"] = token.clone(),
            }
        }
    }

    /// Gives the table settings that it was not made with.
    pub async fn apply(&self, settings: &TableSettings) -> Result<(), Error> {
        let named = json!({ "TableName": self.name });
        if let Some(attribute) = &settings.time_to_live_attribute {
            let mut request = named.clone();
            request["TimeToLiveSpecification"] = json!({ "Enabled": true, "AttributeName": attribute });
            self.call(Operation::UpdateTimeToLive, &request).await?;
        }
        if let Some(stream) = &settings.stream_specification {
            let mut request = named.clone();
            request["StreamSpecification"] = stream.clone();
            self.call(Operation::UpdateTable, &request).await?;
        }
        if !settings.tags.is_empty() {
            let arn = self.describe().await?.table_arn;
            let request = json!({ "ResourceArn": arn, "Tags": settings.tags });
            self.call(Operation::TagResource, &request).await?;
        }
        if settings.deletion_protection {
            let mut request = named;
            request["DeletionProtectionEnabled"] = true.into();
            self.call(Operation::UpdateTable, &request).await?;
        }
        Ok(())
    }

    /// Calls an operation whose request and answer are wanted as JSON.
    async fn call(&self, operation: Operation, request: &Value) -> Result<Value, Error> {
        let body = serde_json::to_vec(request).expect("JSON can always be written");
        let response = dispatch(self.database, self.context, operation, &body).await;
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        if response.status == 200 {
            return Ok(answer);
        }
        let name = answer["__type"].as_str().unwrap_or_default();
        let name = name.rsplit('#').next().unwrap_or_default();
        let kind = api::ErrorKind::from_name(name).unwrap_or(api::ErrorKind::InternalServerError);
        let message = answer["message"].as_str().or(answer["Message"].as_str());
        Err(api::Error::new(kind, message.unwrap_or_default()).into())
    }
}

impl<D: DynamoDb> ItemSink for Table<'_, D> {
    async fn put(&self, item: AttributeMap) -> Result<(), api::Error> {
        let input = PutItemInput {
            table_name: self.name.clone(),
            item,
            ..PutItemInput::default()
        };
        self.database.put_item(self.context, input).await.map(|_| ())
    }
}

impl TableDefinition {
    /// What it takes to make a table like a described one.
    pub fn of_description(description: &TableDescription) -> Self {
        let text = api::table_description_json(description);
        let described: Value = serde_json::from_slice(&text).unwrap_or_default();
        definition_of(&described)
    }

    /// Takes the JSON of a CreateTable request; its table name does not count.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| error.to_string())
    }

    /// An on-demand table with a partition key and perhaps a sort key, each a name and a type (S, N, B).
    pub fn of_keys(partition_key: (&str, &str), sort_key: Option<(&str, &str)>) -> Self {
        let keys = [Some((partition_key, "HASH")), sort_key.map(|key| (key, "RANGE"))];
        let keys = || keys.iter().flatten();
        let definitions: Vec<Value> = keys()
            .map(|((name, key_type), _)| json!({ "AttributeName": name, "AttributeType": key_type }))
            .collect();
        let schema: Vec<Value> = keys()
            .map(|((name, _), role)| json!({ "AttributeName": name, "KeyType": role }))
            .collect();
        let mut definition = Map::new();
        definition.insert("AttributeDefinitions".to_owned(), definitions.into());
        definition.insert("KeySchema".to_owned(), schema.into());
        definition.insert("BillingMode".to_owned(), "PAY_PER_REQUEST".into());
        TableDefinition(definition)
    }

    /// The attributes of keys, and the types (S, N, B) that they have.
    pub fn key_attributes(&self) -> Vec<(String, String)> {
        let definitions = self.0.get("AttributeDefinitions").and_then(Value::as_array);
        let text = |definition: &Value, member: &str| definition[member].as_str().map(str::to_owned);
        definitions
            .into_iter()
            .flatten()
            .filter_map(|definition| {
                Some((
                    text(definition, "AttributeName")?,
                    text(definition, "AttributeType")?,
                ))
            })
            .collect()
    }

    /// The definition without its secondary indexes, and without what only they need.
    pub fn without_indexes(mut self) -> Self {
        self.0.remove("GlobalSecondaryIndexes");
        self.0.remove("LocalSecondaryIndexes");
        let keys: Vec<Value> = match self.0.get("KeySchema") {
            Some(Value::Array(schema)) => schema.iter().map(|key| key["AttributeName"].clone()).collect(),
            _ => Vec::new(),
        };
        if let Some(Value::Array(definitions)) = self.0.get_mut("AttributeDefinitions") {
            definitions.retain(|definition| keys.contains(&definition["AttributeName"]));
        }
        self
    }
}

/// The CreateTable request of a described table.
fn definition_of(described: &Value) -> TableDefinition {
    let mut definition = Map::new();
    let take = |from: &Value, members: &[&str]| -> Map<String, Value> {
        let given = members.iter().filter(|member| !from[**member].is_null());
        given
            .map(|member| ((*member).to_owned(), from[*member].clone()))
            .collect()
    };
    let is_on_demand = described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST";
    let with_capacity = |from: &Value, mut members: Map<String, Value>| {
        if !is_on_demand {
            let units = take(
                &from["ProvisionedThroughput"],
                &["ReadCapacityUnits", "WriteCapacityUnits"],
            );
            members.insert("ProvisionedThroughput".to_owned(), units.into());
        }
        members
    };
    definition.extend(take(
        described,
        &["AttributeDefinitions", "KeySchema", "OnDemandThroughput"],
    ));
    let billing_mode = if is_on_demand {
        "PAY_PER_REQUEST"
    } else {
        "PROVISIONED"
    };
    definition.insert("BillingMode".to_owned(), billing_mode.into());
    let mut definition = with_capacity(described, definition);
    if let Some(class) = described["TableClassSummary"]["TableClass"].as_str() {
        definition.insert("TableClass".to_owned(), class.into());
    }
    if described["SSEDescription"]["Status"] == "ENABLED" {
        let mut encryption = take(&described["SSEDescription"], &["SSEType"]);
        encryption.insert("Enabled".to_owned(), true.into());
        if let Some(key) = described["SSEDescription"]["KMSMasterKeyArn"].as_str() {
            encryption.insert("KMSMasterKeyId".to_owned(), key.into());
        }
        definition.insert("SSESpecification".to_owned(), encryption.into());
    }
    for kind in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        let Some(indexes) = described[kind].as_array() else {
            continue;
        };
        let members = ["IndexName", "KeySchema", "Projection", "OnDemandThroughput"];
        let indexes = indexes
            .iter()
            .filter(|index| index["IndexStatus"] != "DELETING")
            .map(|index| {
                let index_members = take(index, &members);
                match kind {
                    "GlobalSecondaryIndexes" => with_capacity(index, index_members),
                    _ => index_members,
                }
            });
        let indexes: Vec<Value> = indexes.map(Value::Object).collect();
        if !indexes.is_empty() {
            definition.insert(kind.to_owned(), indexes.into());
        }
    }
    TableDefinition(definition)
}
