//! A network between a function and DynamoDB that does what the test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use local::tables;
use tokio::sync::oneshot;

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Fate {
    /// It arrives, and its reply gets lost.
    LostReply,
    /// It gets lost.
    Lost,
    /// The sender gives up on it, and it arrives when [`Network::deliver`] is called.
    Late,
    /// It is under way, as the first signal says, and arrives and is answered when the second
    /// one comes.
    Held(oneshot::Sender<()>, oneshot::Receiver<()>),
}

/// A network, with what will become of the next requests. The others arrive at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    fates: Arc<Mutex<VecDeque<Fate>>>,
    late: Arc<Mutex<Vec<HttpRequest>>>,
}

impl Network {
    /// Returns a client that reaches the DynamoDB at `url` through this network.
    pub(super) fn client(&self, url: &str) -> Client {
        let config = tables::client(url).config().clone();
        let network = self.clone();
        let wire = shared::store::http_client();
        let client = http_client_fn(move |settings, components| {
            use aws_smithy_runtime_api::client::http::HttpClient;
            let wire = wire.http_connector(settings, components);
            SharedHttpConnector::new(Wire { wire, network: network.clone() })
        });
        Client::from_conf(config.to_builder().http_client(client).build())
    }

    /// Decides on the next requests.
    pub(super) fn plan(&self, fates: impl IntoIterator<Item = Fate>) {
        let mut plan = self.fates.lock().unwrap();
        plan.clear();
        plan.extend(fates);
    }

    /// Whether a request is still on its way.
    pub(super) fn has_late(&self) -> bool {
        !self.late.lock().unwrap().is_empty()
    }

    /// Lets the requests arrive that are late.
    pub(super) async fn deliver(&self) {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        let http = reqwest::Client::new();
        for request in late {
            let mut copy = http.post(request.uri());
            for (name, value) in request.headers().iter() {
                copy = copy.header(name, value);
            }
            let body = request.body().bytes().unwrap().to_vec();
            // Whatever DynamoDB replies, nobody hears it.
            copy.body(body).send().await.unwrap().bytes().await.unwrap();
        }
    }
}

#[derive(Clone, Debug)]
struct Wire {
    wire: SharedHttpConnector,
    network: Network,
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Wire { wire, network } = self.clone();
        HttpConnectorFuture::new(async move {
            let lost = || ConnectorError::io("lost on the way".into());
            let fate = network.fates.lock().unwrap().pop_front();
            match fate {
                None => wire.call(request).await,
                Some(Fate::LostReply) => {
                    wire.call(request).await?;
                    Err(lost())
                }
                Some(Fate::Lost) => Err(lost()),
                Some(Fate::Late) => {
                    network.late.lock().unwrap().push(request);
                    Err(lost())
                }
                Some(Fate::Held(under_way, go_on)) => {
                    under_way.send(()).unwrap();
                    go_on.await.unwrap();
                    wire.call(request).await
                }
            }
        })
    }
}
