//! One broker of a cluster: RMQTT with Raft and retained messages, on 127.0.0.1, for whoever asks.
//!
//! Owns: putting RMQTT's parts together. Must not: be more than a broker for tests; there is no
//! access control.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use rmqtt::args::CommandArgs;
use rmqtt::context::ServerContext;
use rmqtt::net::Builder;
use rmqtt::node::Node;
use rmqtt::server::MqttServer;

/// Of it and of all others, `ID@HOST:PORT` each.
#[derive(Parser)]
struct Arguments {
    /// Its number, from 1.
    #[arg(long)]
    id: u64,
    /// Where MQTT clients come.
    #[arg(long)]
    listen: SocketAddr,
    /// Where the others ask it.
    #[arg(long)]
    grpc: SocketAddr,
    /// Folder with `rmqtt-cluster-raft.toml`.
    #[arg(long)]
    plugins: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::new("error");
    tracing_subscriber::fmt().with_env_filter(filter).init();
    let Arguments { id, listen, grpc, plugins } = Arguments::parse();
    // A machine that is busy with a test still answers.
    let node = Node::new(id, f32::MAX, f32::MAX, Duration::from_secs(2));
    let context = ServerContext::new()
        .args(CommandArgs { node_id: Some(id), ..CommandArgs::default() })
        .node(node)
        .busy_check_enable(false)
        .plugins_config_dir(&plugins.display().to_string())
        .build()
        .await;
    context.node.start_grpc_server(context.clone(), grpc, true, false);
    rmqtt_retainer::register(&context, true, false).await?;
    rmqtt_shared_subscription::register(&context, true, false).await?;
    rmqtt_cluster_raft::register(&context, true, false).await?;
    let listener = Builder::new()
        .name("tcp")
        .laddr(listen)
        .allow_anonymous(true)
        .max_packet_size(2 << 20)
        .max_mqueue_len(10_000)
        .bind()?
        .tcp()?;
    MqttServer::new(context).listener(listener).build().run().await?;
    Ok(())
}
