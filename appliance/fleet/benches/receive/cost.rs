//! What a round cost: processor seconds by program, and bytes of a row.

use std::path::Path;

use crate::receiver::Receiver;

/// Ticks of a second in `/proc/PID/stat`, as every Linux that we run on has it.
const TICKS: f64 = 100.0;

/// Processor seconds at the beginning of a round.
pub(crate) struct Cost {
    broker: u32,
    database: Option<u32>,
    receivers: Vec<u32>,
    began: [f64; 3],
}

impl Cost {
    pub(crate) fn begin(broker: u32, database: Option<u32>, receivers: &[Receiver]) -> Self {
        let receivers = receivers.iter().map(Receiver::pid).collect();
        let mut cost = Self { broker, database, receivers, began: [0.0; 3] };
        cost.began = cost.now();
        cost
    }

    /// Seconds of broker, database and all receivers by now.
    fn now(&self) -> [f64; 3] {
        let receivers = self.receivers.iter().map(|pid| seconds(*pid)).sum();
        [seconds(self.broker), self.database.map_or(0.0, with_children), receivers]
    }

    /// What it cost since, for people: ms of a processor for a megabyte.
    pub(crate) fn end_of(&self, megabytes: f64) -> String {
        let now = self.now();
        let ms = |at: usize| (now[at] - self.began[at]) / megabytes * 1e3;
        format!("ms of a processor for a megabyte: receiver {:.1}, broker {:.1}", ms(2), ms(0))
    }

    /// What it cost since, for people: µs of a processor for an event.
    pub(crate) fn end(&self, events: f64) -> String {
        let now = self.now();
        let us = |at: usize| (now[at] - self.began[at]) / events * 1e6;
        format!(
            "µs of a processor for an event: receivers {:.0}, database {:.0}, broker {:.0}",
            us(2),
            us(1),
            us(0)
        )
    }
}

/// Of a process itself, by now.
fn seconds(pid: u32) -> f64 {
    fields(pid).map_or(0.0, |fields| (fields[11] + fields[12]) / TICKS)
}

/// With those of its children, also the ones that ended.
fn with_children(pid: u32) -> f64 {
    let ended = fields(pid).map_or(0.0, |fields| (fields[13] + fields[14]) / TICKS);
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let children =
        pids.filter(|child| fields(*child).is_some_and(|fields| fields[1] == f64::from(pid)));
    seconds(pid) + ended + children.map(seconds).sum::<f64>()
}

/// The fields of `/proc/PID/stat` after the name, as numbers.
fn fields(pid: u32) -> Option<Vec<f64>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect())
}

/// How many bytes an event takes in the database, for people.
pub(crate) fn bytes_of(folder: &Path, db: &str, events: f64) -> String {
    if !db.starts_with("postgres://") {
        let size = |name| std::fs::metadata(folder.join(name)).map_or(0, |file| file.len());
        let bytes = size("fleet.sqlite") as f64 / events;
        return format!("{bytes:.0} bytes an event in the file, without its log");
    }
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(db, tokio_postgres::NoTls).await.expect("it is there");
        tokio::spawn(connection);
        let sql = "SELECT pg_table_size('events'), pg_indexes_size('events'),
             pg_total_relation_size('marks'),
             (SELECT avg(length(envelope))::float8 FROM events),
             (SELECT avg(length(json))::float8 FROM events)";
        let row = client.query_one(sql, &[]).await.expect("sizes");
        let of = |at: usize| row.get::<_, i64>(at) as f64 / events;
        let (postcard, json): (f64, f64) = (row.get(3), row.get(4));
        format!(
            "bytes an event: table {:.0}, indexes {:.0}, marks {:.1}; of it postcard {postcard:.0}, JSON {json:.0}",
            of(0),
            of(1),
            of(2)
        )
    })
}
