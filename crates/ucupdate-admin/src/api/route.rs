//! The table of routes: the paths of the API, the roles that may use them, and their parameters and
//! bodies.

use crate::access::role::AdminRole;
use http::Method;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApiOperation {
    Overview,
    Rules,
    Rule,
    Decide(RuleDecision),
    List(ListKind),
    Group,
    Packages,
    Upload,
    Change,
    RollBackTo,
    History,
    Explain,
    Devices,
    Device,
    Inventory,
    Attention,
    RolloutStatus,
    Captures,
    Capture,
    Diff,
    Verify,
    CollectGarbage,
    Events,
    Objects,
    Object,
    WriteObject,
    DeleteObject,
    Submit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleDecision {
    Approve,
    Reject,
    RollBack,
    Remove,
}

/// A kind of entries of the rule book. The API has a list for each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListKind {
    TestDevices,
    Groups,
    Rollouts,
    Pins,
    Holds,
    Bans,
    Aliases,
    Schemes,
    Stones,
    Interim,
    Stops,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    Nothing,
    /// A JSON document with the version of the rule that the client saw before it decided, for example before it
    /// approved the version.
    Expected,
    /// A JSON document with a command of the rule book.
    Command,
    /// The bytes of a cabinet, or of all cabinets of a set one after the other.
    Package,
    /// The bytes of an object.
    Object,
    /// The JSON document of a revision, in the form in which the store keeps it.
    Revision,
}

/// One entry of the table of routes.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// The path below the root. `{name}` stands for one segment.
    pub(crate) path: &'static str,
    pub(crate) operation: ApiOperation,
    /// The smallest role that may use the route. Some operations require a larger role for some
    /// requests.
    pub(crate) role: AdminRole,
    pub(crate) query: &'static [&'static str],
    pub(crate) takes: BodyKind,
    pub(crate) summary: &'static str,
    /// The HTTP statuses of errors that only some operations have. The statuses that every operation has are not
    /// repeated here.
    pub(crate) problems: &'static [u16],
}

const PAGE: &[&str] = &["after", "limit"];

/// Expands to the path of one rule, followed by `$end`, such as `/approve`.
macro_rules! rule_path {
    ($end:literal) => {
        concat!("api/v1/rules/{device_type}/{vendor}/{model}/{revision}/{locale}/{update_type}", $end)
    };
}

const fn get(
    path: &'static str,
    operation: ApiOperation,
    query: &'static [&'static str],
    summary: &'static str,
) -> Route {
    let method = Method::GET;
    Route {
        method,
        path,
        operation,
        role: AdminRole::Viewer,
        query,
        takes: BodyKind::Nothing,
        summary,
        problems: &[404],
    }
}

const fn decide(path: &'static str, decision: RuleDecision, summary: &'static str) -> Route {
    Route {
        method: Method::POST,
        path,
        operation: ApiOperation::Decide(decision),
        role: AdminRole::Viewer,
        query: &["dry_run"],
        takes: BodyKind::Expected,
        summary,
        problems: &[404, 409, 412],
    }
}

pub(crate) static ROUTES: &[Route] = &[
    get(
        "api/v1/overview",
        ApiOperation::Overview,
        &[],
        "What needs a decision, what is stopped, and who asks",
    ),
    get("api/v1/rules", ApiOperation::Rules, PAGE, "The rules"),
    get(rule_path!(""), ApiOperation::Rule, &[], "One rule"),
    decide(
        rule_path!("/approve"),
        RuleDecision::Approve,
        "Approves the pending version, which `expected` names",
    ),
    decide(
        rule_path!("/reject"),
        RuleDecision::Reject,
        "Rejects the pending version, which `expected` names",
    ),
    decide(
        rule_path!("/rollback"),
        RuleDecision::RollBack,
        "Approves the earlier version again, which `expected` names. With `null` nothing is approved",
    ),
    decide(
        rule_path!("/remove"),
        RuleDecision::Remove,
        "Removes the rule. `expected` is its approved version, or `null`",
    ),
    get("api/v1/packages", ApiOperation::Packages, PAGE, "The packages"),
    Route {
        method: Method::POST,
        path: "api/v1/packages",
        operation: ApiOperation::Upload,
        role: AdminRole::Operator,
        query: &["file_name", "part_sizes", "dry_run"],
        takes: BodyKind::Package,
        summary: "Ingests a package. A dry run needs the role operator, and storing it the role approver",
        problems: &[408, 409, 413, 415, 422],
    },
    get("api/v1/test-devices", ApiOperation::List(ListKind::TestDevices), PAGE, "The test devices"),
    get("api/v1/groups", ApiOperation::List(ListKind::Groups), PAGE, "The groups"),
    get("api/v1/groups/{name}", ApiOperation::Group, PAGE, "One group with the devices of its list"),
    get("api/v1/rollouts", ApiOperation::List(ListKind::Rollouts), PAGE, "The rollouts of all rules"),
    get("api/v1/pins", ApiOperation::List(ListKind::Pins), PAGE, "The pins of all rules"),
    get("api/v1/holds", ApiOperation::List(ListKind::Holds), PAGE, "The holds"),
    get("api/v1/bans", ApiOperation::List(ListKind::Bans), PAGE, "The bans"),
    get(
        "api/v1/aliases",
        ApiOperation::List(ListKind::Aliases),
        PAGE,
        "The aliases of words that devices report",
    ),
    get(
        "api/v1/schemes",
        ApiOperation::List(ListKind::Schemes),
        PAGE,
        "The version schemes of patterns of rules",
    ),
    get("api/v1/stones", ApiOperation::List(ListKind::Stones), PAGE, "The stepping stones"),
    get("api/v1/interim", ApiOperation::List(ListKind::Interim), PAGE, "The pending interim images"),
    get("api/v1/stopped", ApiOperation::List(ListKind::Stops), PAGE, "The kill switches that are on"),
    Route {
        method: Method::POST,
        path: "api/v1/changes",
        operation: ApiOperation::Change,
        role: AdminRole::Viewer,
        query: &["dry_run"],
        takes: BodyKind::Command,
        summary: "Executes a command of the rule book, as the history shows it in `command`",
        problems: &[404, 408, 409, 412, 413, 415, 422, 428],
    },
    Route {
        method: Method::POST,
        path: "api/v1/history/{revision}/restore",
        operation: ApiOperation::RollBackTo,
        role: AdminRole::Viewer,
        query: &["dry_run"],
        takes: BodyKind::Nothing,
        summary: "Restores the rule book of an earlier revision by a new one",
        problems: &[404, 409, 412, 428],
    },
    get("api/v1/history", ApiOperation::History, &["before", "limit"], "The revisions, the newest first"),
    get(
        "api/v1/explain",
        ApiOperation::Explain,
        &["id", "device", "installed", "file", "mac", "serial", "user", "from", "side", "revision"],
        "What a device is answered, and why: the device `id` by its last request, or one of a kind",
    ),
    get(
        "api/v1/diff",
        ApiOperation::Diff,
        &["from", "to"],
        "The devices whose answer differs between two revisions",
    ),
    get(
        "api/v1/devices",
        ApiOperation::Devices,
        &["search", "after", "limit"],
        "The devices of the audit logs and of the kept inventories, as of their last request",
    ),
    get(
        "api/v1/devices/{id}",
        ApiOperation::Device,
        &[],
        "One device, by its MAC address or serial number: what it would be offered now, and its timeline",
    ),
    get(
        "api/v1/inventory",
        ApiOperation::Inventory,
        &[],
        "The numbers of devices by state and by version, and the silent devices",
    ),
    get(
        "api/v1/attention",
        ApiOperation::Attention,
        &[],
        "What needs a person by the logs: rollouts that stand still, silent devices, and devices with troubles. \
         Of the devices in one state, the 50 that asked last are listed",
    ),
    get(
        "api/v1/rollouts/status",
        ApiOperation::RolloutStatus,
        PAGE,
        "The rollouts, and what became of the devices that were offered their version",
    ),
    Route {
        method: Method::GET,
        path: "api/v1/captures",
        operation: ApiOperation::Captures,
        role: AdminRole::Operator,
        query: PAGE,
        takes: BodyKind::Nothing,
        summary: "The bodies that could not be read and the logs of devices, the newest first",
        problems: &[404],
    },
    Route {
        method: Method::GET,
        path: "api/v1/captures/{id}",
        operation: ApiOperation::Capture,
        role: AdminRole::Operator,
        query: &[],
        takes: BodyKind::Nothing,
        summary: "The bytes of a capture",
        problems: &[404],
    },
    get(
        "api/v1/verify",
        ApiOperation::Verify,
        &["quick"],
        "Checks the store. A check that reads every image needs the role operator",
    ),
    Route {
        method: Method::POST,
        path: "api/v1/gc",
        operation: ApiOperation::CollectGarbage,
        role: AdminRole::Viewer,
        query: &["dry_run", "any_share", "grace_hours"],
        takes: BodyKind::Nothing,
        summary: "Removes packages that no kept revision needs, and files of ingests that ended early",
        problems: &[404, 409, 412, 413, 428],
    },
    get(
        "api/v1/events",
        ApiOperation::Events,
        &["kinds"],
        "What happens from now on, as server-sent events. With Last-Event-ID also what was missed since then; `events-lost` has the \
         number of events that are not known any more, and `opened` the revision, so a client reads its lists again",
    ),
    get(
        "api/v1/objects",
        ApiOperation::Objects,
        &["prefix", "after"],
        "The objects of the store, for a command that works on it from another machine",
    ),
    Route {
        method: Method::GET,
        path: "api/v1/objects/{key}",
        operation: ApiOperation::Object,
        role: AdminRole::Viewer,
        query: &["from", "to"],
        takes: BodyKind::Nothing,
        summary: "The bytes of an object, or a part of them. Captures need the role operator, objects of other programs approver",
        problems: &[404, 416],
    },
    Route {
        method: Method::PUT,
        path: "api/v1/objects/{key}",
        operation: ApiOperation::WriteObject,
        role: AdminRole::Approver,
        query: &[],
        takes: BodyKind::Object,
        summary: "Writes a file of an ingest that the rule book does not name yet. Other objects are 403",
        problems: &[404, 408, 409, 413, 415, 422],
    },
    Route {
        method: Method::DELETE,
        path: "api/v1/objects/{key}",
        operation: ApiOperation::DeleteObject,
        role: AdminRole::Approver,
        query: &[],
        takes: BodyKind::Nothing,
        summary: "Deletes a file of an ingest that the rule book does not name. Other objects are 403",
        problems: &[404, 409],
    },
    Route {
        method: Method::POST,
        path: "api/v1/revisions",
        operation: ApiOperation::Submit,
        role: AdminRole::Viewer,
        query: &[],
        takes: BodyKind::Revision,
        summary: "Makes a revision that the client computed, if this server comes to the same result. The command of the \
                  revision decides which role is needed",
        problems: &[404, 408, 409, 412, 413, 415, 422],
    },
];

/// The result of looking for a route.
pub(crate) enum RouteMatch {
    Operation(ApiOperation, Vec<String>),
    /// The path exists, but the request has another method. The text is the value of the field `Allow`.
    OtherMethods(String),
    Nothing,
}

pub(crate) fn find(method: &Method, segments: &[String]) -> RouteMatch {
    let asked = if method == Method::HEAD { &Method::GET } else { method };
    let mut others: Vec<&str> = Vec::new();
    // A fixed path comes before one with parameters.
    let exact = |route: &&Route| !route.path.contains('{');
    for route in ROUTES.iter().filter(exact).chain(ROUTES.iter().filter(|route| !exact(route))) {
        let Some(parameters) = parameters_of(route.path, segments) else { continue };
        if route.method == *asked {
            return RouteMatch::Operation(route.operation, parameters);
        }
        others.push(route.method.as_str());
        if route.method == Method::GET {
            others.push("HEAD");
        }
    }
    if others.is_empty() { RouteMatch::Nothing } else { RouteMatch::OtherMethods(others.join(", ")) }
}

fn parameters_of(path: &str, segments: &[String]) -> Option<Vec<String>> {
    let mut parameters = Vec::new();
    let mut segments = segments.iter();
    for expected in path.split('/') {
        let segment = segments.next()?;
        if expected.starts_with('{') {
            parameters.push(Some(segment).filter(|segment| !segment.is_empty())?.clone());
        } else if segment != expected {
            return None;
        }
    }
    segments.next().is_none().then_some(parameters)
}

impl ApiOperation {
    fn route(self) -> Option<&'static Route> {
        ROUTES.iter().find(|route| route.operation == self)
    }

    /// Returns the smallest role that may use the operation.
    pub(crate) fn role(self) -> AdminRole {
        self.route().map_or(AdminRole::Approver, |route| route.role)
    }

    pub(crate) fn parameters(self) -> &'static [&'static str] {
        self.route().map_or(&[], |route| route.query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_is_found_and_no_reading_route_changes_anything() {
        for route in ROUTES {
            let segments: Vec<String> =
                route.path.split('/').map(|part| part.replace(['{', '}'], "")).collect();
            let RouteMatch::Operation(found, _) = find(&route.method, &segments) else {
                panic!("{}", route.path)
            };
            assert_eq!(found, route.operation, "{}", route.path);
            let changes = route.takes != BodyKind::Nothing
                || matches!(
                    route.operation,
                    ApiOperation::RollBackTo | ApiOperation::CollectGarbage | ApiOperation::DeleteObject
                );
            assert_eq!(route.method != Method::GET, changes, "{}", route.path);
        }
    }

    #[test]
    fn another_method_names_those_that_are_allowed() {
        let segments: Vec<String> = ["api", "v1", "packages"].map(str::to_owned).into();
        let RouteMatch::OtherMethods(allowed) = find(&Method::DELETE, &segments) else { panic!() };
        assert_eq!(allowed, "GET, HEAD, POST");
        assert!(matches!(find(&Method::GET, &["api".into(), "v1".into(), "..".into()]), RouteMatch::Nothing));
    }
}
