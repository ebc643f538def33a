//! A connection that breaks at a place of one's choice: a proxy between the command and the server.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// Where the connections break.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// Nowhere.
    Never,
    /// After so many bytes to the server.
    Up(u64),
    /// After so many bytes from the server.
    Down(u64),
    /// Once so many commits have gone to the server: it does them, and its answer to the last gets lost.
    Answer(u64),
    /// Before so many commits have gone to the server: the last never gets there.
    Question(u64),
}

/// What went through, counted over all connections.
struct Traffic {
    cut: Cut,
    is_cut: AtomicBool,
    up: AtomicU64,
    down: AtomicU64,
    commits: AtomicU64,
    streams: Mutex<Vec<TcpStream>>,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    traffic: Arc<Traffic>,
}

impl Proxy {
    /// Takes connections for a server on this machine. Its threads end with the test.
    pub(crate) fn to(server: u16, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let traffic = Arc::new(Traffic {
            cut,
            is_cut: AtomicBool::new(false),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            streams: Mutex::default(),
        });
        let of_listener = Arc::clone(&traffic);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server))) else {
                    continue;
                };
                let twice = |stream: &TcpStream| stream.try_clone().unwrap();
                of_listener.streams.lock().unwrap().extend([twice(&client), twice(&server)]);
                let (to, from) = (Arc::clone(&of_listener), Arc::clone(&of_listener));
                let (client_again, server_again) = (twice(&client), twice(&server));
                thread::spawn(move || to.up(client, server));
                thread::spawn(move || from.down(server_again, client_again));
                if of_listener.is_cut.load(Ordering::SeqCst) {
                    of_listener.cut();
                }
            }
        });
        Self { port, traffic }
    }

    /// The bytes to and from the server, and the commits.
    pub(crate) fn went_through(&self) -> (u64, u64, u64) {
        let of = |number: &AtomicU64| number.load(Ordering::SeqCst);
        (of(&self.traffic.up), of(&self.traffic.down), of(&self.traffic.commits))
    }
}

impl Traffic {
    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for stream in self.streams.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Both); // it may have ended by itself
        }
    }

    fn up(&self, mut client: TcpStream, mut server: TcpStream) {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = client.read(&mut buffer) {
            let mut part = &buffer[..count];
            let before = self.up.fetch_add(part.len().try_into().unwrap(), Ordering::SeqCst);
            // A statement of one word is a message of its own, never cut in two: the commits of either protocol.
            let is_commit = part.windows(6).any(|word| word == b"COMMIT") && part.len() < 64;
            let commits =
                self.commits.fetch_add(u64::from(is_commit), Ordering::SeqCst) + u64::from(is_commit);
            match self.cut {
                Cut::Up(most) if before + u64::try_from(part.len()).unwrap() > most => {
                    part = &part[..usize::try_from(most.saturating_sub(before)).unwrap()];
                    let _ = server.write_all(part);
                    return self.cut();
                }
                Cut::Question(number) if is_commit && commits == number => return self.cut(),
                Cut::Answer(number) if is_commit && commits == number => {
                    // No answer goes through from here on; the server has time to do what it was told.
                    self.is_cut.store(true, Ordering::SeqCst);
                    let _ = server.write_all(part);
                    thread::sleep(Duration::from_millis(300));
                    return self.cut();
                }
                _ => {}
            }
            if server.write_all(part).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Write);
    }

    fn down(&self, mut server: TcpStream, mut client: TcpStream) {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = server.read(&mut buffer) {
            if self.is_cut.load(Ordering::SeqCst) {
                continue;
            }
            let mut part = &buffer[..count];
            let before = self.down.fetch_add(part.len().try_into().unwrap(), Ordering::SeqCst);
            if let Cut::Down(most) = self.cut
                && before + u64::try_from(part.len()).unwrap() > most
            {
                part = &part[..usize::try_from(most.saturating_sub(before)).unwrap()];
                let _ = client.write_all(part);
                return self.cut();
            }
            if client.write_all(part).is_err() {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Write);
    }
}
