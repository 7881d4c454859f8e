# What the moderator's page says beside the verdict, whose sentences are in the library's own files.

name = Proofmark
tagline = where does this clip come from?
skip = To the content
limit = Nothing found is no proof of a camera: most clips in the world were never stamped.
language = Language
again = Verify another clip

start =
    .title = Verify a clip
    .about = Proofmark reads the signed manifest of a clip, looks for its invisible mark in picture and sound, and compares both with what is registered.
    .choose = Drop a clip, a sound file or a still image here, or choose one
    .several = Up to { $count } files at once.
    .go = Verify
    .sent = Sent
    .keep = Up to { $size } MiB. The clip stays on this server for { $hours } h, for whoever has the link to its report, and is then deleted.
    .address = Or the address of a clip
    .address-go = Fetch and verify
    .hosts = From { $hosts } only.
    .checked = Checked in this browser
    .forget = Forget this list
    .checked-note = The list is kept in this browser alone. Reports that are no longer on the server are taken out of it.
    .too-many = { $count } files are taken at once; the first of them are sent.
    .unreachable = The server cannot be reached. Try again.
    .sending = Sending
    .refused = The server refused this.

working =
    .title = { $name }: being looked at
    .about = is being looked at
    .seen = Seen of the clip
    .waiting = Waiting: { $ahead ->
        [0] next in line
        [one] one clip is before this one
       *[other] { $ahead } clips are before this one
    }.
    .manifest = Reading the signed manifest.
    .beginning = A first look at the beginning.
    .whole = Looking through the picture and the sound: { $share } % seen.
    .whole-open = Looking through the picture and the sound.
    .search = Searching the registry for what looks or sounds like it.
    .closer = Looking again, more closely, for the mark of what it is like.
    .compare = Comparing with the registered clip.
    .glimpse = Our mark is in the beginning: { $title }. Still checking the rest.
    .glimpse-unknown = Our mark is in the beginning, number { $payload }. Still checking the rest.
    .cancel = Stop and delete the clip
    .silent = The server does not answer. This page goes on asking; what was sent is taken up again when it is back.
    .done = Done.
    .done-title = Done:

failed =
    .title = could not be verified
    .impossible = Not possible
    .heading = That did not work

verdict =
    .intact = Intact
    .recovered = Recovered
    .marked = Marked
    .mixed = Mixed
    .foreign = Signed by someone else
    .altered = Altered
    .contradictory = Contradictory
    .lookalike = Looks like one of ours
    .nothing-found = Nothing found

severity =
    .good = confirmed
    .note = for your information
    .doubt = not confirmed
    .alert = do not rely on it

report =
    .more = { $count ->
        [one] One more reason
       *[other] { $count } more reasons
    }
    .next = What to do
    .when = When and where
    .clip = The uploaded clip
    .picture = The uploaded picture
    .beside = This clip beside the registered one
    .beside-note = Each pair shows the same moment, as far as the two clips could be brought into step. Small pictures were kept when the clip was stamped; what is between them is not shown here.
    .this = This clip
    .registered = The registered clip
    .unmatched = no registered moment looks like this
    .area = Show where the mark is: in { $share } % of what can be told (outlined), and where it is missing (crossed)
    .differs = Show what differs from the registered picture: about { $share } % of it (crossed)
    .same = No part of the picture differs from the registered one
    .original = The registered original
    .similar = A registered clip that is like it
    .no-original = No registered clip belongs to this one.
    .manifest = The manifest in the file
    .no-manifest = There is none. Most places that take uploads remove it.
    .elsewhere = There is none. The file says that it is kept at { $address }, from where nothing was fetched.
    .keep = Keep and share
    .link = Link
    .copy = Copy
    .copied = Copied
    .download = Download the report
    .statement = Signed statement
    .print = Print
    .link-note = The link works for { $hours } h after the upload, for whoever has it.
    .check = How this was checked
    .bytes = Size
    .checked = Checked
    .version = Version
    .keys = Keys
    .lists = Trust lists
    .none = none

time =
    .lane-picture = Picture
    .lane-sound = Sound
    .lane-manifest = Manifest
    .slider = Timeline: arrow keys move the player
    .seconds = seconds
    .image = Evidence over time; the same in words below
    .legend = Legend
    .key-picture = mark in the picture
    .key-sound = mark in the sound
    .key-proof = manifest that holds
    .key-unmarked = nothing of the mark, or a manifest that fails
    .key-unknown = cannot be told, or no manifest
    .in-picture = Mark in the picture
    .in-sound = Mark in the sound
    .range = { $start } to { $end }
    .none = none found

marks =
    .picture = Picture
    .sound = Sound
    .absent = there is none, or it was not looked at
    .other = Another mark
    .earlier = An earlier mark beneath it
    .mark = Mark
    .found = found
    .not-found = not found
    .number = Number
    .untold = not told
    .chance = By chance
    .odds = at most 1 in
    .method = Read
    .note = Note

entry =
    .title = Title
    .no-title = none
    .stamped = Stamped
    .handed-in = Handed in
    .number = Number
    .kind = Kind
    .alone = a manifest without its clip
    .labels = Labels
    .looks = Looks
    .sounds = Sound
    .not-compared = not compared
    .same = the same: { $apart }
    .different = different, or changed beyond knowing: { $apart }
    .bits = { $bits } of 256 bits apart, frame by frame
    .share = { $share } % of the bits apart
    .stretched = , at speed { $speed } and pitch { $pitch }
    .no-manifest = It was stamped without a manifest.

manifest =
    .title = Manifest
    .trusted = holds, and its signer is on a trust list
    .valid = holds; no trust list here names its signer
    .invalid = does not hold
    .label = Label
    .unreadable = unreadable
    .by = Made by
    .signer = Signer
    .signed = Signed
    .unknown = unknown
    .untimed = no trusted time
    .actions = Actions
    .ingredients = Ingredients
    .lineage = Made from
    .bindings = Soft bindings
    .failures = Checks that failed
    .untitled = untitled
    .signed-by = signed by { $signer }

login =
    .title = Log in
    .about = This server asks who looks at clips. Paste a token that 'proofmark tokens add NAME --scope fetch:manifests' made; with --scope review:clips it lets you write what you decide.
    .token = Token
    .go = Log in
    .wrong = This token is not known here, was revoked, or does not allow to look at clips.
    .out = Log out
    .as = Logged in as { $name }

search =
    .title = Search
    .about = A number, a SHA-256, words of a title, or a label: of registered clips, and of clips that something was written about.
    .words = Search for
    .go = Search
    .entries = Registered clips
    .cases = Cases
    .nothing = Nothing is known under these words.
    .latest = What was decided last

case =
    .title = Case
    .about = What is written here is kept with the registry under the clip's SHA-256, by name, and is not changed again.
    .none = Nothing was written about this clip yet.
    .write = Write
    .note = Note
    .label = Label
    .decision = Decision
    .review = Review of the decision
    .note-hint = What you saw, and why
    .choose = choose
    .keep = keep as it is
    .tell = tell viewers
    .limit = show to fewer
    .remove = take down
    .agree = agree
    .disagree = disagree
    .said = { $who }, { $when }
    .add = Keep
    .scope = Your token does not allow writing; ask for one with the scope review:clips.
    .open = Whole case
