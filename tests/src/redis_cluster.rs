//! A Redis Cluster of real servers, each in its own process.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, FromRedisValue, RedisResult, Value};
use tokio::time::sleep;

use crate::redis_server::RedisServer;

/// A replica takes over soon, even if its link to the master was late, as it may be on a busy machine.
const WITH_REPLICAS: &[&str] = &[
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    "3000",
    "--cluster-replica-validity-factor",
    "0",
    "--repl-diskless-sync-delay",
    "0",
];
/// No node declares a master dead, however busy the machine is.
const WITHOUT_REPLICAS: &[&str] = &[
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    "60000",
];
const SLOTS: usize = 16384;
const TIMEOUT: Duration = Duration::from_secs(60);

/// A cluster. All masters serve the same number of slots.
pub struct RedisCluster {
    masters: usize,
    nodes: Vec<Node>,
}

struct Node {
    server: RedisServer,
    id: String,
    answers: bool,
}

/// One node as another sees it.
struct Seen {
    is_master: bool,
    failed: bool,
    slots: Vec<(usize, usize)>,
}

impl RedisCluster {
    /// Starts the nodes: first the masters, then one replica of each, then the next, as often as asked for.
    pub async fn start(masters: usize, replicas_of_each: usize) -> Self {
        let mut cluster = Self {
            masters,
            nodes: Vec::new(),
        };
        let options = if replicas_of_each > 0 {
            WITH_REPLICAS
        } else {
            WITHOUT_REPLICAS
        };
        for node in 0..masters * (1 + replicas_of_each) {
            cluster.nodes.push(Node {
                server: RedisServer::with_options(options),
                id: String::new(),
                answers: true,
            });
            cluster.nodes[node].id = cluster.tell(node, "CLUSTER MYID").await;
            let () = cluster
                .tell(node, &format!("CLUSTER SET-CONFIG-EPOCH {}", node + 1))
                .await;
            if node < masters {
                let (first, end) = (SLOTS * node / masters, SLOTS * (node + 1) / masters);
                let range = format!("CLUSTER ADDSLOTSRANGE {first} {}", end - 1);
                let () = cluster.tell(node, &range).await;
            }
            let meet = format!("CLUSTER MEET 127.0.0.1 {}", cluster.port(0));
            let () = cluster.tell(node, &meet).await;
        }
        cluster.wait_until_all_know_all().await;
        for node in masters..cluster.nodes.len() {
            let replicate = format!("CLUSTER REPLICATE {}", cluster.nodes[node % masters].id);
            let () = cluster.tell(node, &replicate).await;
        }
        for node in 0..cluster.nodes.len() {
            if node >= masters {
                cluster.wait_until_replica(node).await;
            }
            until("serves", async || cluster.is_ok(node).await).await;
        }
        cluster
    }

    /// Opens a connection that knows all nodes, with the defaults of the `redis` crate.
    pub async fn connect(&self) -> ClusterConnection {
        let client = ClusterClient::new(self.urls()).unwrap();
        client.get_async_connection().await.unwrap()
    }

    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.server.url()).collect()
    }

    /// Sends a command to a node. Spaces separate its parts.
    async fn ask<T: FromRedisValue>(&self, node: usize, command: &str) -> RedisResult<T> {
        self.ask_in_turn(node, &[command]).await
    }

    /// Sends several commands on one connection, and returns the answer to the last.
    async fn ask_in_turn<T: FromRedisValue>(
        &self,
        node: usize,
        commands: &[&str],
    ) -> RedisResult<T> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT));
        let client = redis::Client::open(self.nodes[node].server.url()).unwrap();
        let mut connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        let mut answer = Value::Nil;
        for command in commands {
            let mut parts = command.split(' ');
            answer = redis::cmd(parts.next().unwrap())
                .arg(parts.collect::<Vec<_>>())
                .query_async(&mut connection)
                .await?;
        }
        Ok(redis::from_redis_value(answer)?)
    }

    /// Sends a command that must succeed.
    pub async fn tell<T: FromRedisValue>(&self, node: usize, command: &str) -> T {
        let answer = self.ask(node, command).await;
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Sends a command to a replica, which answers from its own data.
    pub async fn tell_replica<T: FromRedisValue>(&self, node: usize, command: &str) -> T {
        let answer = self.ask_in_turn(node, &["READONLY", command]).await;
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Returns how many errors of this name a node has answered with.
    pub async fn errors(&self, node: usize, name: &str) -> usize {
        let info: String = self.tell(node, "INFO errorstats").await;
        let counted = format!("errorstat_{name}:count=");
        let count = info.lines().find_map(|line| line.strip_prefix(&counted));
        count.map_or(0, |count| count.parse().unwrap())
    }

    /// Returns how many masters the cluster started with.
    pub fn masters(&self) -> usize {
        self.masters
    }

    pub fn id(&self, node: usize) -> &str {
        &self.nodes[node].id
    }

    pub fn port(&self, node: usize) -> u16 {
        self.nodes[node].server.port()
    }

    pub async fn slot_of(&self, key: &str) -> usize {
        self.tell(self.a_node(), &format!("CLUSTER KEYSLOT {key}"))
            .await
    }

    /// Returns the master that serves a slot, according to a node that answers.
    pub async fn master_of(&self, slot: usize) -> Option<usize> {
        let seen = self.seen_by(self.a_node()).await;
        (0..self.nodes.len()).find(|node| {
            seen.get(self.id(*node)).is_some_and(|node| {
                let serves = |range: &(usize, usize)| (range.0..=range.1).contains(&slot);
                node.is_master && !node.failed && node.slots.iter().any(serves)
            })
        })
    }

    pub fn kill(&mut self, node: usize) {
        self.nodes[node].answers = false;
        self.nodes[node].server.kill();
    }

    /// Starts a node again after [`kill`](Self::kill). It keeps its id and its place in the cluster, but no data.
    pub fn restart(&mut self, node: usize) {
        self.nodes[node].server.restart();
        self.nodes[node].answers = true;
    }

    /// Freezes a node: it keeps its connections, and does not answer.
    pub fn freeze(&mut self, node: usize) {
        self.nodes[node].answers = false;
        self.nodes[node].server.freeze();
    }

    pub fn thaw(&mut self, node: usize) {
        self.nodes[node].server.thaw();
        self.nodes[node].answers = true;
    }

    /// Makes a replica the master.
    pub async fn take_over(&self, replica: usize) {
        let () = self.tell(replica, "CLUSTER FAILOVER TAKEOVER").await;
    }

    /// Waits until each replica has the data that its master had at the time of the call.
    pub async fn wait_until_replicated(&self) {
        let mut written = HashMap::new();
        for node in 0..self.nodes.len() {
            let of_master = self.replication(node).await;
            if of_master["role"] == "master" {
                written.insert(self.port(node).to_string(), offset(&of_master));
            }
        }
        for node in 0..self.nodes.len() {
            until("has what its master has", async || {
                let replication = self.replication(node).await;
                replication["role"] == "master"
                    || offset(&replication) >= written[&replication["master_port"]]
            })
            .await;
        }
    }

    /// Waits until another node serves the slots of this one, and all nodes that answer know it.
    pub async fn wait_until_replaced(&self, node: usize) {
        until("fails over", async || {
            let seen = self.seen_by(self.a_node()).await;
            seen.get(self.id(node))
                .is_none_or(|node| node.slots.is_empty())
        })
        .await;
        for node in 0..self.nodes.len() {
            if self.nodes[node].answers {
                until("serves again", async || self.is_ok(node).await).await;
            }
        }
    }

    /// Waits until the node is a replica with all data of its master.
    pub async fn wait_until_replica(&self, node: usize) {
        until("is a replica", async || {
            self.replication(node)
                .await
                .get("master_link_status")
                .is_some_and(|link| link == "up")
        })
        .await;
    }

    async fn wait_until_all_know_all(&self) {
        for node in 0..self.nodes.len() {
            until("knows all", async || {
                let seen = self.seen_by(node).await;
                self.nodes.iter().all(|node| seen.contains_key(&node.id))
            })
            .await;
        }
    }

    async fn is_ok(&self, node: usize) -> bool {
        let info: RedisResult<String> = self.ask(node, "CLUSTER INFO").await;
        info.is_ok_and(|info| info.contains("cluster_state:ok"))
    }

    /// Returns the replication section of `INFO`.
    async fn replication(&self, node: usize) -> HashMap<String, String> {
        let info: String = self.tell(node, "INFO replication").await;
        let fields = info.lines().filter_map(|line| line.split_once(':'));
        fields
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    /// Returns a node that answers.
    fn a_node(&self) -> usize {
        let answers = |node: &Node| node.answers;
        self.nodes.iter().position(answers).unwrap()
    }

    /// Returns all nodes by id, as one node sees them.
    async fn seen_by(&self, node: usize) -> HashMap<String, Seen> {
        let listed: String = self.tell(node, "CLUSTER NODES").await;
        let seen = listed.lines().map(|line| {
            // id, address, flags, master, ping, pong, epoch, link, slots…
            let fields: Vec<&str> = line.split(' ').collect();
            let flags: Vec<&str> = fields[2].split(',').collect();
            let slots = fields[8..].iter().filter_map(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                // A slot that is moved is in brackets.
                Some((first.parse().ok()?, last.parse().ok()?))
            });
            let seen = Seen {
                is_master: flags.contains(&"master"),
                failed: flags.contains(&"fail"),
                slots: slots.collect(),
            };
            (fields[0].to_owned(), seen)
        });
        seen.collect()
    }
}

/// Returns how much of its history a node has, in bytes.
fn offset(replication: &HashMap<String, String>) -> u64 {
    let of_replica = replication.get("slave_repl_offset");
    let offset = of_replica.unwrap_or_else(|| &replication["master_repl_offset"]);
    offset.parse().unwrap()
}

async fn until(what: &str, reached: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !reached().await {
        assert!(
            Instant::now() < deadline,
            "it took too long until a node {what}"
        );
        sleep(Duration::from_millis(20)).await;
    }
}
