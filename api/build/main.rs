//! Generates the API from its models: the list of operations, the types of their requests and
//! responses, the checks on them, and their encoding. Nothing generated is committed.
//!
//! `models/<service>.json` says what the API is, `models/<service>.wording.json` what the service
//! does beyond it (see [`wording`]). A model or a wording that can't be honoured fails the build.

mod checks;
mod companions;
mod decode;
mod encode;
mod forms;
mod model;
mod names;
mod operations;
mod tables;
mod types;
mod wording;

use std::path::Path;
use std::{env, fs};

use model::Model;
use wording::Wording;

/// The services: the name of the model's file, and the variant of `Service`.
const SERVICES: [(&str, &str); 2] = [("dynamodb", "DynamoDb"), ("dynamodbstreams", "DynamoDbStreams")];

/// The services beside DynamoDB: the name of the model's file, of the module, and of the trait. Each has
/// shapes of its own, some of them with names that DynamoDB's have too.
const COMPANIONS: [(&str, &str, &str); 2] = [
    ("cloudwatch", "cloudwatch", "CloudWatch"),
    ("application-autoscaling", "scaling", "AutoScaling"),
];

fn main() {
    let models =
        Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo names the package's folder")).join("models");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=models");
    let mut model = Model::default();
    let mut wording = Wording::default();
    for (file, service) in SERVICES {
        model.add(service, &read(&models.join(format!("{file}.json"))));
        wording.add(&read(&models.join(format!("{file}.wording.json"))));
    }
    wording.check(&model);
    let out = env::var("OUT_DIR").expect("cargo names the folder for generated code");
    let write = |file: &str, code: String| {
        fs::write(Path::new(&out).join(file), code).expect("generated code can be written");
    };
    write("types.rs", types::generate(&model));
    write("decode.rs", decode::generate(&model, &wording));
    write("encode.rs", encode::generate(&model));
    write("tables.rs", tables::generate(&model, &wording));
    write("operations.rs", operations::generate(&model, &wording));
    write("service.rs", operations::generate_service(&model, &wording));
    write("errors.rs", operations::generate_errors(&model, &wording));
    for (file, module, service) in COMPANIONS {
        let mut model = Model::default();
        let mut wording = Wording::default();
        model.add(service, &read(&models.join(format!("{file}.json"))));
        wording.add(&read(&models.join(format!("{file}.wording.json"))));
        wording.check(&model);
        let mut known: Vec<String> = names_of(&model);
        known.sort();
        model
            .operations
            .retain(|operation| wording.is_built(&operation.name));
        write(&format!("{module}_types.rs"), types::generate(&model));
        write(&format!("{module}_decode.rs"), decode::generate(&model, &wording));
        write(&format!("{module}_encode.rs"), encode::generate(&model));
        write(&format!("{module}_tables.rs"), tables::generate(&model, &wording));
        write(&format!("{module}_forms.rs"), forms::generate(&model));
        write(
            &format!("{module}_service.rs"),
            companions::generate(&model, &wording, service, &known),
        );
    }
}

fn names_of(model: &Model) -> Vec<String> {
    let operations = model.operations.iter();
    operations.map(|operation| operation.name.clone()).collect()
}

fn read(path: &Path) -> serde_json::Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
