//! The table of settings.

use super::Setting;

/// Settings in the order of the file.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        section: "log",
        name: "format",
        shown: r#""text""#,
        option: Some(("--log-format", "PROOFMARK_LOG_FORMAT")),
        about: "How remarks and errors are said on standard error: \"text\", or \"json\", an \
            object a line.",
    },
    Setting {
        section: "stamp",
        name: "strength",
        shown: r#""standard""#,
        option: Some(("--strength", "PROOFMARK_STRENGTH")),
        about: "Strength of the mark: \"subtle\", \"standard\", \"strong\", \"heavy\", or a factor \
            on the standard amplitude from 0.25 to 4.",
    },
    Setting {
        section: "stamp",
        name: "video_codec",
        shown: r#""h264""#,
        option: Some(("--video-codec", "PROOFMARK_VIDEO_CODEC")),
        about: "h264, h265, vp9, av1 or ffv1. By default the input's own, where the target holds \
            it.",
    },
    Setting {
        section: "stamp",
        name: "crf",
        shown: "17.0",
        option: Some(("--crf", "PROOFMARK_CRF")),
        about: "Constant quality on the codec's own scale. By default visually lossless.",
    },
    Setting {
        section: "stamp",
        name: "preset",
        shown: r#""medium""#,
        option: Some(("--preset", "PROOFMARK_PRESET")),
        about: "Speed preset in the encoder's own words.",
    },
    Setting {
        section: "stamp",
        name: "aigc_producer",
        shown: r#""001191110108MA01XXXXXX00000""#,
        option: Some(("--aigc-producer", "PROOFMARK_AIGC_PRODUCER")),
        about: "The producer's code in the label that China asks for (GB 45438-2025). By default \
            no such label is written.",
    },
    Setting {
        section: "stamp",
        name: "metrics",
        shown: r#""/var/lib/prometheus/node-exporter/proofmark.prom""#,
        option: Some(("--metrics", "PROOFMARK_METRICS")),
        about: "File in which stamp and sign count what they do, for node_exporter's textfile \
            collector.",
    },
    Setting {
        section: "manifest",
        name: "agent",
        shown: r#""My Model""#,
        option: Some(("--agent", "PROOFMARK_AGENT")),
        about: "Software that generates the clips.",
    },
    Setting {
        section: "manifest",
        name: "agent_version",
        shown: r#""1.0""#,
        option: Some(("--agent-version", "PROOFMARK_AGENT_VERSION")),
        about: "Version of that software.",
    },
    Setting {
        section: "manifest",
        name: "digital_source_type",
        shown: r#""http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia""#,
        option: None,
        about: "IPTC digital source type of the clips.",
    },
    Setting {
        section: "manifest",
        name: "model",
        shown: r#""My Model""#,
        option: Some(("--model", "PROOFMARK_MODEL")),
        about: "Model that generates the clips: an ingredient of each, and in the assertion on \
            AI.",
    },
    Setting {
        section: "manifest",
        name: "model_version",
        shown: r#""2""#,
        option: Some(("--model-version", "PROOFMARK_MODEL_VERSION")),
        about: "Version of that model.",
    },
    Setting {
        section: "manifest",
        name: "model_id",
        shown: r#""https://example.com/models/2""#,
        option: Some(("--model-id", "PROOFMARK_MODEL_ID")),
        about: "Where it is found: an address, or a number of its maker's.",
    },
    Setting {
        section: "manifest",
        name: "oversight",
        shown: r#""prompt_guided""#,
        option: Some(("--oversight", "PROOFMARK_OVERSIGHT")),
        about: "How far people have a hand in the clips: \"fully_autonomous\", \"prompt_guided\" \
            or \"human_validated\".",
    },
    Setting {
        section: "manifest",
        name: "training_mining",
        shown: r#""notAllowed""#,
        option: Some(("--training-mining", "PROOFMARK_TRAINING_MINING")),
        about: "Whether the clips may be taken for mining data and training models: \"allowed\", \
            \"notAllowed\", or \"constrained:CONDITIONS\".",
    },
    Setting {
        section: "manifest",
        name: "thumbnail",
        shown: "false",
        option: None,
        about: "Whether a small picture of the clip goes into its manifest; --thumbnail does so \
            once.",
    },
    Setting {
        section: "manifest",
        name: "algorithm",
        shown: r#""org.proofmark.video.2""#,
        option: Some(("--algorithm", "PROOFMARK_ALGORITHM")),
        about: "Name of the mark's algorithm in soft bindings. The default is not registered with \
            the C2PA.",
    },
    Setting {
        section: "manifest",
        name: "picture_algorithm",
        shown: r#""org.proofmark.fingerprint.picture.1""#,
        option: Some(("--picture-algorithm", "PROOFMARK_PICTURE_ALGORITHM")),
        about: "The same of the fingerprint of the picture.",
    },
    Setting {
        section: "manifest",
        name: "sound_algorithm",
        shown: r#""org.proofmark.fingerprint.sound.1""#,
        option: Some(("--sound-algorithm", "PROOFMARK_SOUND_ALGORITHM")),
        about: "The same of the fingerprint of the sound.",
    },
    Setting {
        section: "signing",
        name: "certificate",
        shown: r#""/etc/proofmark/chain.pem""#,
        option: Some(("--sign-cert", "PROOFMARK_SIGN_CERT")),
        about: "Certificate chain (PEM) of who signs. By default the test identity of this home, \
            which nobody else trusts.",
    },
    Setting {
        section: "signing",
        name: "key",
        shown: r#""/etc/proofmark/key.pem""#,
        option: Some(("--sign-key", "PROOFMARK_SIGN_KEY")),
        about: "Private key of that chain (PEM).",
    },
    Setting {
        section: "signing",
        name: "password_file",
        shown: r#""/etc/proofmark/key.password""#,
        option: Some(("--sign-key-password-file", "PROOFMARK_SIGN_KEY_PASSWORD_FILE")),
        about: "File with the password of that key, or with the PIN of a token.",
    },
    Setting {
        section: "signing",
        name: "signer",
        shown: r#""pkcs11:token=studio;object=signing?module-path=/usr/lib/hsm.so""#,
        option: Some(("--signer", "PROOFMARK_SIGNER")),
        about: "In place of a key: a token that signs, as a PKCS#11 URI, or awskms: and a key of \
            AWS.",
    },
    Setting {
        section: "signing",
        name: "command",
        shown: r#""sign-with-vault --role proofmark""#,
        option: Some(("--signer-command", "PROOFMARK_SIGNER_COMMAND")),
        about: "In place of a key: a command that signs, by c2patool's protocol.",
    },
    Setting {
        section: "signing",
        name: "seconds",
        shown: "30.0",
        option: Some(("--signer-seconds", "PROOFMARK_SIGNER_SECONDS")),
        about: "Seconds that a command or a service may take to sign.",
    },
    Setting {
        section: "signing",
        name: "reserve",
        shown: "20000",
        option: Some(("--signer-reserve", "PROOFMARK_SIGNER_RESERVE")),
        about: "Bytes to keep for a signature with its certificates and time stamp. By default \
            they are reckoned.",
    },
    Setting {
        section: "signing",
        name: "algorithm",
        shown: r#""PS384""#,
        option: Some(("--sign-alg", "PROOFMARK_SIGN_ALG")),
        about: "What an RSA key signs by. By default what its certificate says, else PS256.",
    },
    Setting {
        section: "signing",
        name: "time_stamp_url",
        shown: r#""http://timestamp.example.com""#,
        option: Some(("--time-stamp-url", "PROOFMARK_TIME_STAMP_URL")),
        about: "RFC 3161 time-stamp authority. Without, nothing leaves the machine.",
    },
    Setting {
        section: "signing",
        name: "ocsp",
        shown: "true",
        option: Some(("--ocsp", "PROOFMARK_SIGNING_OCSP")),
        about: "Whether the authority that the certificate names is asked if it was revoked, and \
            its answer put beside the signature.",
    },
    Setting {
        section: "trust",
        name: "lists",
        shown: r#"["/etc/proofmark/C2PA-TRUST-LIST.pem"]"#,
        option: Some(("--trust", "PROOFMARK_TRUST")),
        about: "Trust lists: PEM files with certificates of authorities. Paths in this file lead \
            from its folder.",
    },
    Setting {
        section: "trust",
        name: "tsa",
        shown: r#"["/etc/proofmark/C2PA-TSA-TRUST-LIST.pem"]"#,
        option: Some(("--trust-tsa", "PROOFMARK_TRUST_TSA")),
        about: "Time-stamp authorities: PEM files. The time at which a manifest was signed counts \
            only if one of these attests it.",
    },
    Setting {
        section: "trust",
        name: "own",
        shown: r#"["/etc/proofmark/studio-signer.pem"]"#,
        option: None,
        about: "Who signs for this deployment beside the identity above: PEM files, each with a \
            signer's certificate first. Anybody else who names one of our clips is a stranger.",
    },
    Setting {
        section: "registry",
        name: "location",
        shown: r#""postgres://proofmark@db.example.com/proofmark""#,
        option: Some(("--registry", "PROOFMARK_REGISTRY")),
        about: "SQLite file or postgres:// URL of the registry, or \"none\". By default \
            registry.db in this home.",
    },
    Setting {
        section: "registry",
        name: "stills",
        shown: "true",
        option: None,
        about: "Whether small pictures of each stamped clip are kept, for people to hold another \
            clip beside: up to 24 of some 6 kB each.",
    },
    Setting {
        section: "lookup",
        name: "servers",
        shown: r#"["https://credentials.example.com"]"#,
        option: None,
        about: "Servers that 'lookup --server' may ask. By default any that is named.",
    },
    Setting {
        section: "serve",
        name: "listen",
        shown: r#""127.0.0.1:8473""#,
        option: Some(("--listen", "PROOFMARK_LISTEN")),
        about: "Address and port of 'proofmark serve'.",
    },
    Setting {
        section: "serve",
        name: "require_token",
        shown: "false",
        option: None,
        about: "Whether reading needs a token too, and the page a login with one; storing always \
            needs one.",
    },
    Setting {
        section: "serve",
        name: "jobs",
        shown: "2",
        option: None,
        about: "Files that are looked at at once; by default one a core.",
    },
    Setting {
        section: "serve",
        name: "queue",
        shown: "128",
        option: None,
        about: "Files that may wait to be looked at.",
    },
    Setting {
        section: "serve",
        name: "rate",
        shown: "50",
        option: None,
        about: "Requests a second from one address, 0 for any number.",
    },
    Setting {
        section: "serve",
        name: "connections",
        shown: "1024",
        option: None,
        about: "Connections at once; the idlest makes room where there are too many.",
    },
    Setting {
        section: "serve",
        name: "connections_each",
        shown: "256",
        option: None,
        about: "Connections of one address.",
    },
    Setting {
        section: "serve",
        name: "files_each",
        shown: "65",
        option: None,
        about: "Files of one address that are received, and as many that wait or are looked at; \
            by default half of the places.",
    },
    Setting {
        section: "serve",
        name: "upload_bytes",
        shown: "1073741824",
        option: None,
        about: "Bytes of an upload.",
    },
    Setting {
        section: "serve",
        name: "upload_seconds",
        shown: "600",
        option: None,
        about: "Seconds that an upload may take.",
    },
    Setting {
        section: "serve",
        name: "store_bytes",
        shown: "68719476736",
        option: None,
        about: "Bytes of all uploads and reports. From nine tenths on, or where the disk is \
            nearly full, no more are taken.",
    },
    Setting {
        section: "serve",
        name: "keep_hours",
        shown: "24",
        option: None,
        about: "Hours that the page's reports and their clips are kept.",
    },
    Setting {
        section: "serve",
        name: "reports",
        shown: "200",
        option: None,
        about: "Reports that are kept; the oldest makes room.",
    },
    Setting {
        section: "serve",
        name: "hosts",
        shown: r#"["proofmark.example.com"]"#,
        option: None,
        about: "Names that the server goes by, beside its addresses and localhost; requests under \
            others are refused.",
    },
    Setting {
        section: "serve",
        name: "forwarded",
        shown: r#"["10.0.0.0/8"]"#,
        option: None,
        about: "Networks of proxies whose X-Forwarded-For and X-Forwarded-Proto count.",
    },
    Setting {
        section: "serve",
        name: "certificate",
        shown: r#""/etc/proofmark/tls/fullchain.pem""#,
        option: None,
        about: "A certificate chain, to speak TLS without a proxy; read when the server starts.",
    },
    Setting {
        section: "serve",
        name: "certificate_key",
        shown: r#""/etc/proofmark/tls/privkey.pem""#,
        option: None,
        about: "Private key of that certificate.",
    },
    Setting {
        section: "serve",
        name: "reference_hosts",
        shown: r#"["cdn.example.com"]"#,
        option: None,
        about: "Hosts that clips are fetched from by reference, over https alone.",
    },
    Setting {
        section: "serve",
        name: "reference_private",
        shown: "false",
        option: None,
        about: "Whether those hosts may be in a private network.",
    },
    Setting {
        section: "limits",
        name: "pixels",
        shown: "37748736",
        option: None,
        about: "Pixels of a frame.",
    },
    Setting {
        section: "limits",
        name: "frames",
        shown: "864000",
        option: None,
        about: "Decoded frames.",
    },
    Setting {
        section: "limits",
        name: "seconds",
        shown: "14400",
        option: None,
        about: "Seconds of picture.",
    },
    Setting {
        section: "limits",
        name: "bytes",
        shown: "68719476736",
        option: None,
        about: "Bytes of a file.",
    },
    Setting {
        section: "limits",
        name: "streams",
        shown: "64",
        option: None,
        about: "Streams in a file.",
    },
    Setting {
        section: "limits",
        name: "manifest_bytes",
        shown: "67108864",
        option: None,
        about: "Bytes of a manifest store.",
    },
    Setting {
        section: "limits",
        name: "memory_bytes",
        shown: "4294967296",
        option: None,
        about: "Bytes of address space that looking at a file may take, its worker's libraries \
            included.",
    },
    Setting {
        section: "limits",
        name: "processor_seconds",
        shown: "14400",
        option: None,
        about: "Seconds of processor time that looking at a file may take, over all threads.",
    },
    Setting {
        section: "limits",
        name: "wall_seconds",
        shown: "3600",
        option: None,
        about: "Seconds that looking at a file may take.",
    },
    Setting {
        section: "limits",
        name: "effort",
        shown: "10",
        option: None,
        about: "Seconds of time, and of processor time, that each second of a file may take, \
            beside 120: a short file is given up sooner than a long one.",
    },
];
