//! The table of settings.

use super::Setting;

/// A setting about which everything was said with the one before it.
const PLAIN: Setting = Setting { section: "", name: "", shown: "", option: None, about: "" };

/// Settings in the order of the file.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        section: "stamp",
        name: "strength",
        shown: r#""standard""#,
        option: Some(("--strength", "PROOFMARK_STRENGTH")),
        about: r#"Strength of the mark: "subtle", "standard", "strong", "heavy", or a factor on the standard amplitude from 0.25 to 4."#,
        ..PLAIN
    },
    Setting {
        section: "stamp",
        name: "video_codec",
        shown: r#""h264""#,
        option: Some(("--video-codec", "PROOFMARK_VIDEO_CODEC")),
        about: "h264, h265, vp9, av1 or ffv1. By default the input's own, where the target holds \
            it.",
        ..PLAIN
    },
    Setting {
        section: "stamp",
        name: "crf",
        shown: "17.0",
        option: Some(("--crf", "PROOFMARK_CRF")),
        about: "Constant quality on the codec's own scale. By default visually lossless.",
        ..PLAIN
    },
    Setting {
        section: "stamp",
        name: "preset",
        shown: r#""medium""#,
        option: Some(("--preset", "PROOFMARK_PRESET")),
        about: "Speed preset in the encoder's own words.",
        ..PLAIN
    },
    Setting {
        section: "manifest",
        name: "agent",
        shown: r#""My Model""#,
        option: Some(("--agent", "PROOFMARK_AGENT")),
        about: "Software that generates the clips, and its version.",
        ..PLAIN
    },
    Setting {
        section: "manifest",
        name: "agent_version",
        shown: r#""1.0""#,
        option: Some(("--agent-version", "PROOFMARK_AGENT_VERSION")),
        ..PLAIN
    },
    Setting {
        section: "manifest",
        name: "digital_source_type",
        shown: r#""http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia""#,
        about: "IPTC digital source type of the clips.",
        ..PLAIN
    },
    Setting {
        section: "manifest",
        name: "algorithm",
        shown: r#""org.proofmark.video.1""#,
        option: Some(("--algorithm", "PROOFMARK_ALGORITHM")),
        about: "Name of the mark's algorithm in soft bindings. The default is not registered with \
            the C2PA.",
        ..PLAIN
    },
    Setting {
        section: "manifest",
        name: "picture_algorithm",
        shown: r#""org.proofmark.fingerprint.picture.1""#,
        option: Some(("--picture-algorithm", "PROOFMARK_PICTURE_ALGORITHM")),
        about: "The same of the fingerprints of picture and sound.",
        ..PLAIN
    },
    Setting {
        section: "manifest",
        name: "sound_algorithm",
        shown: r#""org.proofmark.fingerprint.sound.1""#,
        option: Some(("--sound-algorithm", "PROOFMARK_SOUND_ALGORITHM")),
        ..PLAIN
    },
    Setting {
        section: "signing",
        name: "certificate",
        shown: r#""/etc/proofmark/chain.pem""#,
        option: Some(("--sign-cert", "PROOFMARK_SIGN_CERT")),
        about: "Certificate chain and private key (PEM). By default the test identity of this \
            home, which nobody else trusts.",
        ..PLAIN
    },
    Setting {
        section: "signing",
        name: "key",
        shown: r#""/etc/proofmark/key.pem""#,
        option: Some(("--sign-key", "PROOFMARK_SIGN_KEY")),
        ..PLAIN
    },
    Setting {
        section: "signing",
        name: "time_stamp_url",
        shown: r#""http://timestamp.example.com""#,
        option: Some(("--time-stamp-url", "PROOFMARK_TIME_STAMP_URL")),
        about: "RFC 3161 time-stamp authority. Without, nothing leaves the machine.",
        ..PLAIN
    },
    Setting {
        section: "trust",
        name: "lists",
        shown: r#"["/etc/proofmark/C2PA-TRUST-LIST.pem"]"#,
        option: Some(("--trust", "PROOFMARK_TRUST")),
        about: "Trust lists: PEM files with certificates of authorities. Paths in this file lead \
            from its folder.",
        ..PLAIN
    },
    Setting {
        section: "trust",
        name: "tsa",
        shown: r#"["/etc/proofmark/C2PA-TSA-TRUST-LIST.pem"]"#,
        option: Some(("--trust-tsa", "PROOFMARK_TRUST_TSA")),
        about: "Time-stamp authorities: PEM files. The time at which a manifest was signed counts \
            only if one of these attests it.",
        ..PLAIN
    },
    Setting {
        section: "trust",
        name: "own",
        shown: r#"["/etc/proofmark/studio-signer.pem"]"#,
        about: "Who signs for this deployment beside the identity above: PEM files, each with a \
            signer's certificate first. Anybody else who names one of our clips is a stranger.",
        ..PLAIN
    },
    Setting {
        section: "registry",
        name: "location",
        shown: r#""postgres://proofmark@db.example.com/proofmark""#,
        option: Some(("--registry", "PROOFMARK_REGISTRY")),
        about: r#"SQLite file or postgres:// URL of the registry, or "none". By default registry.db in this home."#,
        ..PLAIN
    },
    Setting {
        section: "registry",
        name: "stills",
        shown: "true",
        about: "Whether small pictures of each stamped clip are kept, for people to hold another \
            clip beside: up to 24 of some 6 kB each.",
        ..PLAIN
    },
    Setting {
        section: "lookup",
        name: "servers",
        shown: r#"["https://credentials.example.com"]"#,
        about: "Servers that 'lookup --server' may ask. By default any that is named.",
        ..PLAIN
    },
    Setting {
        section: "serve",
        name: "listen",
        shown: r#""127.0.0.1:8473""#,
        option: Some(("--listen", "PROOFMARK_LISTEN")),
        about: "Address and port of 'proofmark serve'.",
        ..PLAIN
    },
    Setting {
        section: "serve",
        name: "require_token",
        shown: "false",
        about: "Whether reading needs a token too, and the page a login with one; storing always \
            needs one.",
        ..PLAIN
    },
    Setting {
        section: "serve",
        name: "jobs",
        shown: "2",
        about: "Files that are looked at at once; by default one a core. And files that may wait \
            for that.",
        ..PLAIN
    },
    Setting { section: "serve", name: "queue", shown: "128", ..PLAIN },
    Setting {
        section: "serve",
        name: "rate",
        shown: "50",
        about: "Requests a second from one address, 0 for any number.",
        ..PLAIN
    },
    Setting {
        section: "serve",
        name: "connections",
        shown: "1024",
        about: "Connections from all, and from one address; the idlest makes room where there are \
            too many.",
        ..PLAIN
    },
    Setting { section: "serve", name: "connections_each", shown: "256", ..PLAIN },
    Setting {
        section: "serve",
        name: "files_each",
        shown: "65",
        about: "Files of one address that are received, and as many that wait or are looked at; \
            by default half of the places.",
        ..PLAIN
    },
    Setting {
        section: "serve",
        name: "upload_bytes",
        shown: "1073741824",
        about: "Size and duration of an upload.",
        ..PLAIN
    },
    Setting { section: "serve", name: "upload_seconds", shown: "600", ..PLAIN },
    Setting {
        section: "serve",
        name: "store_bytes",
        shown: "68719476736",
        about: "Bytes of all uploads and reports. From nine tenths on, or where the disk is \
            nearly full, no more are taken.",
        ..PLAIN
    },
    Setting {
        section: "serve",
        name: "keep_hours",
        shown: "24",
        about: "How long the page's reports and their clips are kept, and how many.",
        ..PLAIN
    },
    Setting { section: "serve", name: "reports", shown: "200", ..PLAIN },
    Setting {
        section: "serve",
        name: "hosts",
        shown: r#"["proofmark.example.com"]"#,
        about: "Names that the server goes by, beside its addresses and localhost; requests under \
            others are refused.",
        ..PLAIN
    },
    Setting {
        section: "serve",
        name: "forwarded",
        shown: r#"["10.0.0.0/8"]"#,
        about: "Networks of proxies whose X-Forwarded-For and X-Forwarded-Proto count.",
        ..PLAIN
    },
    Setting {
        section: "serve",
        name: "certificate",
        shown: r#""/etc/proofmark/tls/fullchain.pem""#,
        about: "A certificate chain and its key, to speak TLS without a proxy; read when the \
            server starts.",
        ..PLAIN
    },
    Setting {
        section: "serve",
        name: "certificate_key",
        shown: r#""/etc/proofmark/tls/privkey.pem""#,
        ..PLAIN
    },
    Setting {
        section: "serve",
        name: "reference_hosts",
        shown: r#"["cdn.example.com"]"#,
        about: "Hosts that clips are fetched from by reference, over https alone; and whether \
            those may be in a private network.",
        ..PLAIN
    },
    Setting { section: "serve", name: "reference_private", shown: "false", ..PLAIN },
    Setting {
        section: "queue",
        name: "location",
        shown: r#""postgres://proofmark@db.example.com/proofmark""#,
        option: Some(("--queue", "PROOFMARK_QUEUE")),
        about: "postgres:// URL of the database with the jobs of submit, worker and jobs; it may \
            be the registry's.",
        ..PLAIN
    },
    Setting {
        section: "queue",
        name: "lease_seconds",
        shown: "30",
        about: "Seconds of silence after which a worker counts as dead.",
        ..PLAIN
    },
    Setting {
        section: "queue",
        name: "deaths",
        shown: "3",
        about: "Dead workers, and failures of the surroundings, after which a job is parked.",
        ..PLAIN
    },
    Setting { section: "queue", name: "tries", shown: "8", ..PLAIN },
    Setting {
        section: "limits",
        name: "pixels",
        shown: "37748736",
        about: "What a file may ask of the machine before it is refused.",
        ..PLAIN
    },
    Setting { section: "limits", name: "frames", shown: "864000", ..PLAIN },
    Setting { section: "limits", name: "seconds", shown: "14400", ..PLAIN },
    Setting { section: "limits", name: "bytes", shown: "68719476736", ..PLAIN },
    Setting { section: "limits", name: "streams", shown: "64", ..PLAIN },
    Setting { section: "limits", name: "manifest_bytes", shown: "67108864", ..PLAIN },
    Setting {
        section: "limits",
        name: "memory_bytes",
        shown: "4294967296",
        about: "What looking at a file may take, its worker's libraries included: address space, \
            processor time, time.",
        ..PLAIN
    },
    Setting { section: "limits", name: "processor_seconds", shown: "14400", ..PLAIN },
    Setting { section: "limits", name: "wall_seconds", shown: "3600", ..PLAIN },
    Setting {
        section: "limits",
        name: "effort",
        shown: "10",
        about: "Seconds of the last two that each second of a file may take, beside 120: a short \
            file is given up sooner than a long one.",
        ..PLAIN
    },
];
