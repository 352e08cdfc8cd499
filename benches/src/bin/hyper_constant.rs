//! A server made with hyper alone, for comparisons: `hyper_constant ADDRESS FILE`. It reads the
//! body of each request, and answers with the bytes of the file.

#![allow(clippy::unwrap_used, reason = "it is for one script, which stops at a panic")]

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tokio::net::TcpSocket;

/// The number of connections that the operating system accepts before the program does. It is that
/// of `ucupdate serve`.
const BACKLOG: u32 = 4096;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().unwrap().parse().unwrap();
    let answer = Bytes::from(std::fs::read(arguments.next().unwrap()).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(serve(address, answer));
}

async fn serve(address: SocketAddr, answer: Bytes) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(address).unwrap();
    let listener = socket.listen(BACKLOG).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let answer = answer.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = answer.clone();
            async move {
                request.into_body().collect().await?;
                let response = Response::builder().header(CONTENT_TYPE, "text/xml; charset=utf-8");
                Ok::<_, hyper::Error>(response.body(Full::new(answer)).unwrap())
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
