# What verdicts are told in, for people who are no engineers. A message is a group of codes, an attribute a code of it: `video.agrees` is the attribute `agrees` of `video`.

-unnamed = an unnamed signer

manifest =
    .stranger-names-our-payload = { $place ->
            [fetched] The manifest that the file names
            [sidecar] The manifest beside the file
           *[embedded] The manifest in the file
        }, signed by { $signer }, names our clip { $payload }, but nothing here says that { $signer } may speak for us: anybody can write that number into a manifest.
    .of-another-clip = The manifest belongs to another clip: it names '{ $title }' ({ $media_type }, { $date }), and this looks and sounds like none of it.
    .restamped = The manifest names mark { $named }, which the picture carries beneath a newer one, { $payload }: the clip has been stamped again since.
    .does-not-name-mark = The clip carries our mark { $payload }, but the manifest, signed by { $signer }, does not name it: the manifest was put here from another clip, or someone else signed the clip anew.
    .over-unreadable-mark = The clip carries one of our marks, too weak to be read, beneath a manifest that { $signer } signed.
    .content-changed = Our manifest does not match the content: the file was changed after { $signer } signed it.
    .fails = Our manifest, signed by { $signer }, does not hold: { $faults }.
    .ours = { $place ->
            [fetched] The manifest that the file names
            [sidecar] The manifest beside the file
           *[embedded] The manifest in the file
        } holds, was signed by { $signer }, and the content is as it was signed.
    .ours-outlived = The content is as it was signed by { $signer }, { $credential }.
    .derived-from-ours = Somebody else, { $signer }, edited our clip { $payload } and signed the result; its manifest came with it.
    .trusted = The manifest holds and was signed by { $signer }, whom a trust list names.
    .valid = The manifest holds, but nobody here vouches for its signer, who calls themselves { $signer }: anybody can make a certificate of that name.
    .credential = The manifest was signed by { $signer }, { $credential }. The content is as it was signed.
    .foreign-content-changed = The manifest, signed by { $signer }, does not match the content: the file was changed after it was signed.
    .foreign-fails = The manifest, signed by { $signer }, does not hold: { $faults }.
    .unreadable = There is a manifest, but it is too damaged to be read, or none that follows the rules.
    .none = There is no manifest, in the file or beside it.
    .origin = { $of ->
            [original] The manifest of its original says
           *[part] The manifest of a part of it, or of something it was made from, says
        } that { $source } ({ $kind }), signed by { $signer }.{ $held ->
            [no] {" "}That manifest did not hold when it was taken in.
           *[yes] {""}
        }
    .actor-fails = It names { $named ->
            [yes] { $name }
           *[no] somebody
        } as its author, and that does not hold: the identity is not of this manifest, or its credential is broken.
    .names-actor = { $named ->
            [yes] { $name } is
           *[no] Somebody is
        } named as its author{ $state ->
            [trusted] , and a trust list names who vouches for that.
            [unchecked] ; that could not be checked without asking others.
           *[valid] ; the credential is of this manifest, and nobody here vouches for it.
        }
    .leaves-open = About { $bytes } bytes of the file are left out of what was signed: they may have been changed since.
    .elsewhere = The file says that its manifest is kept elsewhere, at { $address }.{ $asked ->
            [yes] {" "}It could not be fetched: { $reason }.
           *[no] {" "}Nothing was fetched.
        }

segments =
    .changed = { $count ->
            [one] A segment says
           *[other] { $count } segments say
        } to be of this clip, and { $count ->
            [one] is
           *[other] are
        } not as signed: from { $start } s to { $end } s of { $rendition }.{ $places ->
            [one] {""}
           *[other] {" "}So it is in { $places } places in all.
        }
    .foreign = { $count ->
            [one] A segment is
           *[other] { $count } segments are
        } of another clip: from { $start } s to { $end } s of { $rendition }.{ $places ->
            [one] {""}
           *[other] {" "}So it is in { $places } places in all.
        }
    .unsigned = { $count ->
            [one] A segment is
           *[other] { $count } segments are
        } not among what was signed: from { $start } s to { $end } s of { $rendition }.{ $places ->
            [one] {""}
           *[other] {" "}So it is in { $places } places in all.
        }
    .missing = { $count ->
            [one] A segment is
           *[other] { $count } segments are
        } missing { $stretch ->
            [point] at { $start } s
           *[range] from { $start } s to { $end } s
        } of { $rendition }.{ $places ->
            [one] {""}
           *[other] {" "}So it is in { $places } places in all.
        }
    .window = { $rendition } lists { $listed } of the { $signed } segments that were signed, as if more were to come: whether something is missing before or behind them cannot be told.
    .moved = The order of segments is not the signed one from { $start } s to { $end } s of { $rendition }.{ $places ->
            [one] {""}
           *[other] {" "}So it is in { $places } places in all.
        }
    .repeated = { $count ->
            [one] A segment comes
           *[other] { $count } segments come
        } again from { $start } s to { $end } s of { $rendition }.{ $places ->
            [one] {""}
           *[other] {" "}So it is in { $places } places in all.
        }

video =
    .several-marks = The picture carries several marks of ours ({ $payloads }): it was put together from several clips.
    .payload-mismatch = The manifest names mark { $named }, but the picture carries mark { $payload }: one of them was put here from another clip.
    .mark-transplanted = The picture carries the mark of another clip, '{ $title }' ({ $date }), and looks nothing like it: the mark was put here from there.
    .mark-copied = The part of the mark that repeats is in the picture, and the part that nobody can copy is not. A clip that was marked would look so with probability { $chance } at most: the mark was copied from another clip, or put here by Proofmark 0.2 or older.
    .not-the-registered = The sound is that of '{ $title }' ({ $date }), but the picture is another: it was replaced.
    .gap = The mark is missing from { $start } s to { $end } s: that part was replaced or put in.{ $count ->
            [one] {""}
           *[other] {" "}So it is in { $count } places in all.
        }
    .gap-perhaps = The mark is missing from { $start } s to { $end } s. { $why ->
            [weak] It is weak elsewhere too: re-encoding may have wiped it out there, or that part was replaced
           *[known] The picture is like the registered one there: re-encoding may have wiped the mark out, or that part was changed or made anew
        }. Look closely.
    .part-of-frame = The mark covers { $share } % of the picture: the rest was replaced or covered.
    .part-of-frame-perhaps = The mark covers { $share } % of the picture: { $lies ->
            [as-stamped] the rest may have been covered or replaced
           *[moved] the rest was put around it, laid over it, or replaced
        }. Look closely.
    .parts-untold = Whether a part of the picture was replaced cannot be told: it moves too fast, or too few of its moments are like registered ones. Look closely.
    .stretch-unknown = From { $start } s to { $end } s the picture looks like no moment of the registered clip: that part may have been replaced or put in. Look closely.
    .part-differs = About { $share } % of the picture is not as it was registered: that part may have been replaced or covered. Look closely.
    .marked = The picture carries our mark { $payload }. A clip without it would pass for this with probability { $chance } at most.
    .agrees = The picture carries the same number, { $payload }.
    .marked-unreadably = The picture carries one of our marks, too weak to be read.
    .earlier = Beneath it lies mark { $payloads }: this clip was made from one that was stamped before.
    .unmarked = The picture carries none of our marks.
    .mark-missing = The mark that the manifest names is not in the picture. The manifest ties it to these exact bytes, so either its key is not among ours here, or it was never marked.

audio =
    .several-marks = The sound carries several marks of ours ({ $payloads }): it was put together from several clips.
    .payload-mismatch = The manifest names mark { $named }, but the sound carries mark { $payload }: one of them was put here from another clip.
    .mark-transplanted = The sound carries the mark of another clip, '{ $title }' ({ $date }), and sounds nothing like it: the mark was put here from there.
    .from-another-clip = The picture carries mark { $video }, the sound mark { $audio }: they come from different clips of ours.
    .not-the-registered = The picture is that of '{ $title }' ({ $date }), but the sound is another: it was replaced.
    .gap = The mark is missing from { $start } s to { $end } s of the sound: that part was replaced or put in.{ $count ->
            [one] {""}
           *[other] {" "}So it is in { $count } places in all.
        }
    .gap-perhaps = The mark is missing from { $start } s to { $end } s of the sound. It is weak elsewhere too: re-encoding may have wiped it out there, or that part was replaced.
    .marked = The sound carries our mark { $payload }. A clip without it would pass for this with probability { $chance } at most.
    .agrees = The sound carries the same number, { $payload }.
    .marked-unreadably = The sound carries one of our marks, too weak to be read.
    .backwards = The sound is played backwards.
    .earlier = The sound still carries the earlier mark, { $payload }.
    .composed = The sound carries another mark, { $payload }, and the manifest says that the clip was put together.
    .unmarked = The sound carries none of our marks: it was never marked, it was replaced, or too much was done to it.
    .mark-missing = The sound carries no mark: it was not marked.

registry =
    .leads-to-manifest = The mark leads to a manifest in the registry: '{ $title }', { $how ->
            [handed-in] handed in without its clip
           *[stamped] { $media_type }, stamped
        } on { $date }, signed by { $signer }; and this is that clip.
    .likeness-untold = The mark leads to '{ $title }' ({ $date }) in the registry, but whether this is that clip cannot be told: it was turned or changed too much, it shows too little, or the mark was put here from there.
    .looks-otherwise = The picture carries the mark of '{ $title }' ({ $date }), but does not look like it: a part of it may have been replaced or covered.
    .looks-untold = Whether the picture is the registered one cannot be told: it was cropped or turned too much, shows too little, or is another.
    .sounds-untold = Whether the sound is the registered one cannot be told: it is too short or too quiet, or is another.
    .manifest-fails = The registry knows the number, '{ $title }' ({ $date }), but its manifest does not hold: { $faults }.
    .looks-the-same = The picture looks like the registered one{ $parts ->
            [same] , in all its parts. A replaced part smaller than about { $least } % of it might go unnoticed
           *[untold] . Whether a part of it was replaced cannot be told
        }.
    .sounds-the-same = The sound is like the registered one.
    .sounds-otherwise = The sound is nothing like the registered one: something as loud was laid over it, or its mark was put there.
    .shorter = This copy lasts { $seconds } s, the registered clip { $registered } s or more: a part of it is missing.
    .longer = This copy lasts { $seconds } s, the registered clip { $registered } s at most: something was put in or added, or it runs more slowly.
    .knows = The registry knows the number: '{ $title }', { $how ->
            [handed-in] handed in without its clip
           *[stamped] { $media_type }, stamped
        } on { $date }.
    .does-not-know = The registry here does not know the number { $payload }.
    .lookalike = { $like ->
            [both] Picture and sound are like those
            [audio] The sound is like that
           *[video] The picture looks like that
        } of a registered clip, '{ $title }' ({ $date }), but no mark of it is there: this may be what that clip was made from, or another take of it.

media =
    .more-streams = The file holds more pictures ({ $videos }) or sounds ({ $audios }) than players show and play: no mark was looked for there.
    .no-keys = No watermark key is set up here, so marks were not looked for.
    .unsearchable = It is { $kind }: no mark can be looked for in it here.
    .unseen = There is neither picture nor sound that could be looked at, so marks were not looked for.

declaration =
    .made = The file says of itself, unsigned, that it was { $how }{ $by ->
            [named] {" "}({ $agent })
           *[unnamed] {""}
        }: { $kind }, in { $where }. Anybody can write that, or take it out.
    .contradicts-manifest = The file says of itself, unsigned, that it was { $how }{ $by ->
            [named] {" "}({ $agent })
           *[unnamed] {""}
        } ({ $kind }, in { $where }), and its manifest says otherwise: { $told }.
    .names-another-number = A label in the file names the number { $named }, and its mark is { $payload }: the label was put here from another clip, or the clip was marked anew.

declared =
    .ai = made with AI
    .part-ai = made with AI in part
    .perhaps-ai = perhaps made with AI
    .camera = captured by a camera or recorder
    .people = made by people
    .other = made in another way

summary =
    .intact = { $made }, says { $signer }, { $trust ->
            [own] which is us
            [trusted] whom a trust list names
           *[unknown] whom nobody here vouches for
        }. Unchanged since it was signed.
    .recovered = { $made }, says { $signer }, who signed the original on { $date }: the mark in this copy leads there. { $severity ->
            [good] It was saved anew since.
           *[doubt] Not all of it is confirmed: see why.
        }
    .altered = Our clip, changed after it was signed.
    .marked = It carries our mark, but where it comes from is not confirmed by a manifest.
    .mixed = A part of it is ours, and a part is not, or it is several clips of ours in one.
    .foreign = { $trust ->
            [trusted] { $teller ->
                    [other] { $made }, says a manifest of what it was made from, signed by { $maker }. { $signer }, whom a trust list names, signed this
                    [none] { $signer }, whom a trust list names, signed it
                   *[self] { $made }, says { $signer }, whom a trust list names
                }
            [invalid] A manifest of somebody else that does not hold
           *[unknown] { $teller ->
                    [other] { $made }, says a manifest of what it was made from, signed by { $maker }. Somebody who calls themselves { $signer } signed this, and nobody here vouches for them
                    [none] Somebody who calls themselves { $signer } signed it, and nobody here vouches for them
                   *[self] { $made }, says somebody who calls themselves { $signer }, and nobody here vouches for them
                }
        }. It carries none of our marks.
    .contradictory = What is said of this clip cannot all be true.
    .lookalike = It looks or sounds like a clip of ours, and carries no mark of it.
    .nothing-found = { $declared ->
            [elsewhere] The file says that its manifest is kept elsewhere, and nobody has looked there.
            [yes] Nothing that is signed says where it comes from. The file itself says that it was { $how }.
           *[no] Nothing says where it comes from.
        }

next =
    .sign-with-time-stamp = Take it for what was signed. Sign what must hold for longer with a time stamp (--time-stamp-url).
    .name-signer = To know who the signer is, give their authority with --trust FILE, or list their certificate under [trust] own if they are yours.
    .read-actions = Read the manifest's actions for how the clip came to be.
    .ask-for-signed = Rely on nothing that the manifest says: ask whoever it comes from for the file as it was signed.
    .take-as-claim = Take what the manifest says as the word of somebody unknown. If you know the signer's authority, give it with --trust FILE.
    .ask-for-original = Ask the uploader for the original, and compare.
    .read-recovered = Read the recovered manifest's actions for how the clip came to be; what was done to it since is not in there.
    .compare-by-eye = Look at the registered clip and this one side by side.
    .ask-key-holder = Look the number up with whoever holds the key: it names the clip's manifest.
    .look-at-parts = Look at the times and places without our mark before relying on any of it.
    .trust-marks = Rely on the marks and the registry, not on what the manifest says.
    .list-own-signer = If that signer is yours, list their certificate under [trust] own.
    .doubt-both = Treat the clip as doubtful: look at both origins before relying on either.
    .fetch-manifest = Fetch that manifest if you trust the address, lay it beside the file under the same name with .c2pa, and verify again.
    .nothing-follows = This says nothing about where the clip comes from: most clips carry no proof at all.
    .give-time-authorities = If you trust the authority of its time stamp, give its certificate with --trust-tsa FILE, and verify again.

made =
    .ai = Made with AI{ $by ->
            [named] {" "}by { $agent }
           *[unnamed] {""}
        }
    .part-ai = Made with AI in part{ $by ->
            [named] , by { $agent }
           *[unnamed] {""}
        }
    .camera = Captured by a camera or recorder
    .people = Made by people
    .unsaid = How it was made is not said

signer =
    .unnamed = an unnamed signer

credential =
    .expired = whose certificate has expired since{ $until ->
            [unknown] {""}
           *[other] {" "}(it was valid until { $until })
        }, and nothing attests when it was signed
    .expired-unattested = whose certificate has expired since{ $until ->
            [unknown] {""}
           *[other] {" "}(it was valid until { $until })
        }: a time stamp says that it was signed at { $time }, but it { $because ->
            [old-kind] is of an older kind, which is not held to a list here
            [future] is from the future
           *[unlisted] is from an authority that no list here names
        }, and counts for nothing
    .not-yet = whose certificate is not valid yet (it will be from { $from })
    .not-then = at { $time }, when the certificate was not valid
    .revoked = whose certificate has been revoked
    .of-ingredient = but a certificate of what it was made from has expired since, or was revoked

fault =
    .expired = its certificate has expired since, or was not valid yet
    .revoked = its certificate has been revoked
    .not-for-signing = its certificate is not one that may sign manifests
    .unsigned = it is not signed
    .signature = its signature is not of what it says
    .assertion = what it says was changed after it was signed
    .content = the content was changed after it was signed
    .missing = a part of it is missing
    .time-stamp = its time stamp does not hold
    .algorithm = it is signed or hashed in a way that is not known here
    .ingredient = the manifest of what it was made from does not hold
    .unreadable = it is too damaged to be read
    .rules = it breaks the rules for manifests
    .unnamed = a check failed

source =
    .ai = it was made by a trained algorithm
    .part-ai = parts of it were made by a trained algorithm
    .part-synthetic = parts of it are synthetic
    .algorithm = it was made by an algorithm
    .enhanced = it was enhanced by an algorithm
    .camera = it was captured by a camera or a recorder
    .cameras = it was put together from what cameras or recorders captured
    .screen = it was captured from a screen
    .people = it was made by people
    .other = its source is of a kind of its own

title =
    .none = no title
