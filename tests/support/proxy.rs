//! A wire to the chain that a test can cut and mend: a TCP port of ours in front of the endpoint.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::ground::{block_on, ground};

/// The wire. Dropping it cuts it.
#[derive(Debug)]
pub(crate) struct Proxy {
    at: SocketAddr,
    serving: Option<AbortHandle>,
}

impl Proxy {
    /// A port that is nobody's yet: the wire begins cut.
    pub(crate) fn cut_from_the_start() -> Self {
        let mut proxy = Self::whole();
        proxy.cut();
        proxy
    }

    /// A whole wire to the ground's chain.
    pub(crate) fn whole() -> Self {
        let mut proxy = Self {
            at: ([127, 0, 0, 1], 0).into(),
            serving: None,
        };
        proxy.mend();
        proxy
    }

    /// The endpoint to write into a network file.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Breaks every connection and refuses new ones.
    pub(crate) fn cut(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }

    /// Lets connections through again, at the same port.
    pub(crate) fn mend(&mut self) {
        let rpc = ground()
            .rpc()
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let (at, serving) = block_on(async {
            let socket = TcpSocket::new_v4().expect("a socket");
            socket.set_reuseaddr(true).expect("an option of sockets");
            socket.bind(self.at).expect("the port is still ours");
            let listener = socket.listen(64).expect("a listener");
            let at = listener.local_addr().expect("it is bound");
            (at, tokio::spawn(serve(listener, rpc)).abort_handle())
        });
        self.at = at;
        self.serving = Some(serving);
    }
}

/// Connections live in the set and die with it.
async fn serve(listener: TcpListener, rpc: String) {
    let mut running = JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        let rpc = rpc.clone();
        running.spawn(async move {
            if let Ok(mut far) = TcpStream::connect(rpc).await {
                let _broken = copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
    }
}
