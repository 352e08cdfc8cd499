//! The service inside the router of another program. That program administers the service by routes
//! of its own.
//!
//! ```console
//! $ cargo run --example embed-in-axum
//! $ curl --data-binary @UCUpdates.cab http://127.0.0.1:8080/admin/packages
//! ```

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use futures_util::TryStreamExt as _;
use std::error::Error;
use std::sync::Arc;
use ucupdate::store::MemoryStore;
use ucupdate::{BaseUrls, Options, Origin, UpdateService};
use ucupdate_http::{Connection, DeviceUpdates, router};

/// Returns the router of the program. Its middleware can be added as to any other router.
async fn app(origin: Origin) -> Result<Router, Box<dyn Error>> {
    let store = Arc::new(MemoryStore::default());
    let service = UpdateService::open(store, Options::serving(BaseUrls::new(origin))).await?;
    let administration = Router::new()
        .route("/packages", post(ingest))
        .route("/packages/{id}/approval", post(approve))
        .route("/rules", get(rules))
        .with_state(service.clone());
    Ok(Router::new().nest("/admin", administration).merge(router(DeviceUpdates::new(service)?)))
}

async fn ingest(
    State(service): State<UpdateService>,
    upload: Request<Body>,
) -> Result<String, (StatusCode, String)> {
    let bytes = upload.into_body().into_data_stream().map_err(std::io::Error::other);
    let ingested = service.admin("admin").ingest("upload", Box::pin(bytes), |_| {}).await.map_err(refused)?;
    Ok(ingested.id().to_string())
}

async fn approve(
    State(service): State<UpdateService>,
    Path(package): Path<String>,
) -> Result<String, (StatusCode, String)> {
    let changed =
        service.admin("admin").approve_all_of(package.parse().map_err(refused)?).await.map_err(refused)?;
    Ok(changed.notes.iter().map(|note| format!("{note}\n")).collect())
}

async fn rules(State(service): State<UpdateService>) -> String {
    service.snapshot().book().rules().map(|rule| format!("{}\n", rule.key())).collect()
}

fn refused(error: impl Error) -> (StatusCode, String) {
    (StatusCode::CONFLICT, error.to_string())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    let app = app("http://127.0.0.1:8080".parse()?).await?;
    axum::serve(listener, app.into_make_service_with_connect_info::<Connection>()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;
    use ucupdate::cab::package::sample;

    async fn send(app: &Router, method: &str, path: &str, body: impl Into<Body>) -> (u16, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "updates.contoso.com")
            .body(body.into())
            .unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn an_uploaded_package_is_approved_and_offered() {
        let app = app("http://updates.contoso.com".parse().unwrap()).await.unwrap();
        let (status, id) = send(&app, "POST", "/admin/packages", sample::uc_updates(4096)).await;
        assert_eq!((status, id.len()), (200, 12), "{id}");
        assert_eq!(send(&app, "GET", "/admin/rules", "").await.1.lines().count(), 2);
        assert_eq!(send(&app, "POST", &format!("/admin/packages/{id}/approval"), "").await.0, 200);
        assert_eq!(send(&app, "POST", &format!("/admin/packages/{id}/approval"), "").await.0, 409);
        let asked = include_str!("../vectors/canonical-request.xml");
        let (status, answer) = send(&app, "POST", "/requesthandler/UCDEVICE.upx", asked).await;
        assert_eq!(status, 200);
        assert!(answer.contains("<Version>1.0.522.103</Version>"), "{answer}");
    }

    #[tokio::test]
    async fn an_upload_that_is_no_package_is_refused_with_the_reason() {
        let app = app("http://updates.contoso.com".parse().unwrap()).await.unwrap();
        let (status, reason) = send(&app, "POST", "/admin/packages", "not a cabinet").await;
        assert_eq!(status, 409);
        assert!(reason.contains("expected a cabinet"), "{reason}");
    }
}
