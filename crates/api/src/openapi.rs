//! The OpenAPI document: made from the routes, so that neither has what the other lacks.

use crate::{problem::ProblemBody, routes};
use tokengine_store::MAX_PAGE;
use utoipa::Number;
use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, InfoBuilder, OpenApi, Ref, RefOr, ResponseBuilder, Schema, Server};
use utoipa::{PartialSchema, ToSchema};

/// The document.
pub fn openapi() -> OpenApi {
    let (_, mut document) = routes::all().split_for_parts();
    document.info = InfoBuilder::new()
        .title("TokEngine")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Custody of tokens on many networks, one atomic ledger between them. Ids are CAIP-2, CAIP-10 and CAIP-19. \
             Amounts are texts: base units and decimal numbers. Whatever moves money needs an `Idempotency-Key`: the \
             same key with the same content is answered the same for 24 hours. An outcome is always `done`, `not_done` \
             (proven), or `unknown` with an estimate of until when.",
        ))
        .build();
    document.servers = Some(vec![Server::new("/")]);
    let components = document.components.get_or_insert_default();
    let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API key: tok_...")).build();
    components.security_schemes.insert("api_key".into(), RefOr::T(SecurityScheme::Http(key)));
    let mut more = Vec::new();
    ProblemBody::schemas(&mut more);
    more.push((ProblemBody::name().into_owned(), ProblemBody::schema()));
    components.schemas.extend(more);
    document.security = Some(vec![utoipa::openapi::SecurityRequirement::new::<_, [&str; 0], &str>("api_key", [])]);
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            operation.parameters.iter_mut().flatten().for_each(bound);
            describe_problems(operation);
        }
    }
    document
}

/// The document as it is served and committed: JSON, with a line end.
pub fn openapi_json() -> String {
    let mut text = openapi().to_pretty_json().expect("a document of texts and lists is JSON");
    text.push('\n');
    text
}

fn operations(item: &mut PathItem) -> Vec<&mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.delete, &mut item.patch]
        .into_iter()
        .filter_map(Option::as_mut)
        .collect()
}

/// What holds for a parameter of that name on every route. A document that says less than what is checked leaves clients to
/// find it out by being refused.
fn bound(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(parameter) = parameter else { return };
    let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema else { return };
    match parameter.name.as_str() {
        "limit" => {
            schema.minimum = Some(Number::Int(1));
            schema.maximum = Some(Number::Int(MAX_PAGE.cast_signed().into()));
        }
        "wait" => schema.pattern = Some("^[0-9]{1,7}(s|ms)$".into()),
        "after" | "Last-Event-ID" => schema.pattern = Some("^[0-9]{1,20}$".into()),
        "Idempotency-Key" => {
            let uuid = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}";
            schema.pattern = Some(format!("^({uuid}|\"{uuid}\")$"));
            schema.examples = vec!["0199a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b".into()];
        }
        _ => {}
    }
}

fn describe_problems(operation: &mut Operation) {
    let schema = RefOr::Ref(Ref::from_schema_name(ProblemBody::name()));
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let problem = ResponseBuilder::new()
        .description("A problem (RFC 9457): its code is stable, its outcome says what is known of the effect")
        .content("application/problem+json", content)
        .build();
    operation.responses.responses.insert("default".into(), RefOr::T(problem));
}
