//! Who asks, and where: what every call carries beside its request.

/// What is known about a request beside its body. The defaults hold until signatures are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The request's id, which its response names; empty unless the server gives one.
    pub request_id: String,
    /// The region that ARNs name; by default `us-east-1`.
    pub region: String,
    /// The account that ARNs name, 12 digits; by default zeros.
    pub account_id: String,
    /// Who asks; by default the account itself, which may do everything.
    pub principal: Principal,
    /// Where the client found the server, as `host:port`; `None` where it does not say.
    pub host: Option<String>,
    /// How large an answer may be that can leave a rest to another request, in bytes of the items in
    /// it; by default as large as the operation allows.
    pub answer_bytes_max: usize,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Principal {
    /// The account itself.
    #[default]
    Root,
    /// The holder of an access key, by the key's id.
    AccessKey(String),
}

impl Default for Context {
    fn default() -> Self {
        Context {
            request_id: String::new(),
            region: "us-east-1".to_owned(),
            account_id: "000000000000".to_owned(),
            principal: Principal::default(),
            host: None,
            answer_bytes_max: usize::MAX,
        }
    }
}
