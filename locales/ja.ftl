# 判定を伝える文。一つのメッセージが符号の一群、その属性が一つの符号にあたる。

manifest =
    .stranger-names-our-payload = { $place ->
            [fetched] ファイルが示すマニフェスト
            [sidecar] ファイルに添えられたマニフェスト
           *[embedded] ファイル内のマニフェスト
        }（署名者：{ $signer }）は当方の動画 { $payload } を名乗っていますが、{ $signer } が当方を代表できるという根拠はありません。この番号は誰でも書き込めます。
    .of-another-clip = このマニフェストは別の動画のものです。「{ $title }」（{ $media_type }、{ $date }）を指していますが、映像も音声も似ていません。
    .restamped = マニフェストは透かし { $named } を指しています。映像ではそれが新しい透かし { $payload } の下にあり、この動画は後からもう一度刻印されています。
    .does-not-name-mark = この動画には当方の透かし { $payload } がありますが、{ $signer } が署名したマニフェストはそれに触れていません。マニフェストが別の動画から移されたか、誰かが署名し直したものです。
    .over-unreadable-mark = { $signer } が署名したマニフェストの下に、弱くて番号を読めない当方の透かしがあります。
    .content-changed = 当方のマニフェストが内容と一致しません。{ $signer } の署名後にファイルが変更されています。
    .fails = 当方のマニフェスト（署名者：{ $signer }）は有効ではありません：{ $faults }。
    .ours = { $place ->
            [fetched] ファイルが示すマニフェスト
            [sidecar] ファイルに添えられたマニフェスト
           *[embedded] ファイル内のマニフェスト
        }は有効で、{ $signer } が署名し、内容は署名時のままです。
    .ours-outlived = 内容は署名時のままです。{ $signer }：{ $credential }。
    .derived-from-ours = 別の者（{ $signer }）が当方の動画 { $payload } を編集し、その結果に署名しました。元のマニフェストも含まれています。
    .trusted = マニフェストは有効で、信頼リストにある { $signer } が署名しています。
    .valid = マニフェストは有効ですが、{ $signer } と名乗る署名者をここで保証する者はいません。その名前の証明書は誰でも作れます。
    .credential = マニフェストの署名者は { $signer } です。{ $credential }。内容は署名時のままです。
    .foreign-content-changed = { $signer } が署名したマニフェストが内容と一致しません。署名後にファイルが変更されています。
    .foreign-fails = { $signer } が署名したマニフェストは有効ではありません：{ $faults }。
    .unreadable = マニフェストはありますが、壊れているか規則に従っておらず、読み取れません。
    .none = ファイルの中にも横にもマニフェストはありません。
    .origin = { $of ->
            [original] 元の動画のマニフェスト
           *[part] 一部または素材のマニフェスト
        }（署名者：{ $signer }）の記述：{ $source }（{ $kind }）。{ $held ->
            [no] 取り込まれた時点で、そのマニフェストは有効ではありませんでした。
           *[yes] {""}
        }
    .actor-fails = 作者として{ $named ->
            [yes] { $name }
           *[no] ある者
        }が記載されていますが、有効ではありません。
    .names-actor = 作者の記載：{ $named ->
            [yes] { $name }
           *[no] 名前なし
        }{ $state ->
            [trusted] （信頼リストにある者が保証しています）
            [unchecked] （外部に問い合わせないと確認できません）
           *[valid] （ここでは誰も保証していません）
        }。
    .leaves-open = ファイルのうち約 { $bytes } バイトは署名の対象外です。署名後に変更されている可能性があります。
    .elsewhere = マニフェストは { $address } にあるとファイルに書かれています。{ $asked ->
            [yes] 取得できませんでした（{ $reason }）。
           *[no] 何も取得していません。
        }

segments =
    .changed = { $rendition } の { $start } 秒から { $end } 秒までのセグメント { $count } 個は、この動画のものとされていますが、署名時のままではありません（全部で { $places } か所）。
    .foreign = { $rendition } の { $start } 秒から { $end } 秒までのセグメント { $count } 個は、別の動画のものです（全部で { $places } か所）。
    .unsigned = { $rendition } の { $start } 秒から { $end } 秒までのセグメント { $count } 個は、署名されたものに含まれていません（全部で { $places } か所）。
    .missing = { $rendition } の { $stretch ->
            [point] { $start } 秒の位置で
           *[range] { $start } 秒から { $end } 秒まで
        }セグメント { $count } 個が欠けています（全部で { $places } か所）。
    .window = { $rendition } には、署名された { $signed } 個のうち { $listed } 個のセグメントだけが、続きがあるものとして載っています。前後に欠けているものがあるかは分かりません。
    .moved = { $rendition } の { $start } 秒から { $end } 秒までのセグメントの順序が、署名時と異なります（全部で { $places } か所）。
    .repeated = { $rendition } の { $start } 秒から { $end } 秒までのセグメント { $count } 個は、繰り返しです（全部で { $places } か所）。

video =
    .several-marks = 映像に当方の透かしが複数あります（{ $payloads }）。複数の動画をつなぎ合わせたものです。
    .payload-mismatch = マニフェストは透かし { $named } を指していますが、映像にあるのは { $payload } です。どちらかが別の動画から移されています。
    .mark-transplanted = 映像の透かしは別の動画「{ $title }」（{ $date }）のものですが、映像は似ていません。透かしが移されています。
    .mark-copied = 映像には透かしのうち繰り返される部分だけがあり、複製できない部分がありません。透かしを入れた動画でこうなる確率は高くても { $chance } です。透かしは別の動画から複製されたか、Proofmark 0.2 以前で入れられたものです。
    .not-the-registered = 音声は「{ $title }」（{ $date }）のものですが、映像は別物です。差し替えられています。
    .gap = { $start } 秒から { $end } 秒まで透かしがありません。差し替えまたは挿入された部分です（全部で { $count } か所）。
    .gap-perhaps = { $start } 秒から { $end } 秒まで透かしがありません。{ $why ->
            [weak] 他の部分でも弱いため、再圧縮で消えたか、差し替えられたかは分かりません
           *[known] その間の映像は登録されたものと似ているため、再圧縮で透かしが消えたか、手が加えられたかは分かりません
        }。よくご確認ください。
    .part-of-frame = 透かしは画面の { $share } % にしかありません。残りは差し替えられたか覆われています。
    .part-of-frame-perhaps = 透かしは画面の { $share } % にあります。{ $lies ->
            [as-stamped] 残りは覆われたか差し替えられた可能性があります
           *[moved] 残りは周囲に足されたか、重ねられたか、差し替えられています
        }。よく見てください。
    .parts-untold = 画面の一部が差し替えられたかどうかは判定できません。動きが速すぎるか、登録された映像と合う場面が少なすぎます。よく見てください。
    .stretch-unknown = { $start } 秒から { $end } 秒までの映像は、登録された映像のどの場面とも似ていません。差し替えまたは挿入の可能性があります。よく見てください。
    .part-differs = 画面の約 { $share } % が登録された映像と異なります。その部分が差し替えられたか覆われた可能性があります。よく見てください。
    .marked = 映像に当方の透かし { $payload } があります。透かしのない動画がこう見える確率は { $chance } 以下です。
    .agrees = 映像の透かしも同じ番号 { $payload } です。
    .marked-unreadably = 映像に当方の透かしがありますが、弱くて番号を読めません。
    .earlier = その下に透かし { $payloads } があります。以前に刻印された動画から作られています。
    .unmarked = 映像に当方の透かしはありません。
    .mark-missing = マニフェストが指す透かしは映像にありません。内容は署名時のままなので、その鍵がここにないか、もともと刻印されていません。

audio =
    .several-marks = 音声に当方の透かしが複数あります（{ $payloads }）。複数の動画をつなぎ合わせたものです。
    .payload-mismatch = マニフェストは透かし { $named } を指していますが、音声にあるのは { $payload } です。どちらかが別の動画から移されています。
    .mark-transplanted = 音声の透かしは別の動画「{ $title }」（{ $date }）のものですが、音声は似ていません。透かしが移されています。
    .from-another-clip = 映像の透かしは { $video }、音声の透かしは { $audio } です。当方の別々の動画から取られています。
    .not-the-registered = 映像は「{ $title }」（{ $date }）のものですが、音声は別物です。差し替えられています。
    .gap = 音声の { $start } 秒から { $end } 秒まで透かしがありません。差し替えまたは挿入された部分です（全部で { $count } か所）。
    .gap-perhaps = 音声の { $start } 秒から { $end } 秒まで透かしがありません。他の部分でも弱いため、再圧縮で消えたか、差し替えられたかは分かりません。
    .marked = 音声に当方の透かし { $payload } があります。透かしのない動画がこう見える確率は { $chance } 以下です。
    .agrees = 音声の透かしも同じ番号 { $payload } です。
    .marked-unreadably = 音声に当方の透かしがありますが、弱くて番号を読めません。
    .backwards = 音声が逆再生されています。
    .earlier = 音声には以前の透かし { $payload } が残っています。
    .composed = 音声には別の透かし { $payload } があり、マニフェストには合成された動画だと書かれています。
    .unmarked = 音声に当方の透かしはありません。もともと刻印されていないか、差し替えられたか、加工が大きすぎます。
    .mark-missing = 音声に透かしはありません。刻印されていません。

registry =
    .leads-to-manifest = 透かしから登録簿のマニフェストが見つかりました：「{ $title }」（{ $date }、署名者：{ $signer }）。この動画はそれと同じものです。
    .likeness-untold = 透かしは登録簿の「{ $title }」（{ $date }）を指していますが、この動画がそれかどうかは判断できません。大きく変形されたか、手がかりが少ないか、透かしが移された可能性があります。
    .looks-otherwise = 映像には「{ $title }」（{ $date }）の透かしがありますが、見た目が異なります。一部が差し替えられたか覆われた可能性があります。
    .looks-untold = 映像が登録されたものかどうかは判断できません。切り抜きや回転が大きいか、映っているものが少なすぎるか、別の映像です。
    .sounds-untold = 音声が登録されたものかどうかは判断できません。短すぎるか小さすぎるか、別の音声です。
    .manifest-fails = 登録簿にこの番号（「{ $title }」、{ $date }）はありますが、そのマニフェストは有効ではありません：{ $faults }。
    .looks-the-same = 映像は登録されたものに似ています。{ $parts ->
            [same] どの部分も同じです。画面の約 { $least } % より小さい差し替えはここでは分かりません
           *[untold] 一部が差し替えられたかどうかは判断できません
        }。
    .sounds-the-same = 音声は登録されたものに似ています。
    .sounds-otherwise = 音声は登録されたものに似ていません。同じくらいの音が重ねられたか、透かしが移されています。
    .shorter = この動画は { $seconds } 秒、登録された動画は { $registered } 秒以上です。一部が欠けています。
    .longer = この動画は { $seconds } 秒、登録された動画は長くても { $registered } 秒です。何かが挿入または追加されたか、遅く再生されています。
    .knows = 登録簿にこの番号があります：「{ $title }」（{ $date }）。
    .does-not-know = この登録簿に番号 { $payload } はありません。
    .lookalike = { $like ->
            [both] 映像と音声が
            [audio] 音声が
           *[video] 映像が
        }登録された動画「{ $title }」（{ $date }）に似ていますが、その透かしはありません。その素材か、別の版かもしれません。

media =
    .more-streams = ファイルには再生されない映像（{ $videos }）や音声（{ $audios }）があります。そこの透かしは調べていません。
    .no-keys = ここには透かしの鍵がないため、透かしは調べていません。
    .unsearchable = この種類のファイルでは、ここで透かしを探すことができません（{ $kind }）。
    .unseen = 調べられる映像も音声もないため、透かしは調べていません。

declaration =
    .made = ファイル自身は、署名なしで「{ $how }{ $by ->
            [named] （{ $agent }）
           *[unnamed] {""}
        }」と述べています（{ $kind }、{ $where }）。誰でも書き加え、取り除くことができます。
    .contradicts-manifest = ファイル自身は、署名なしで「{ $how }{ $by ->
            [named] （{ $agent }）
           *[unnamed] {""}
        }」と述べていますが（{ $kind }、{ $where }）、マニフェストの記載は異なります：{ $told }。
    .names-another-number = ファイルのラベルは番号 { $named } を示していますが、透かしは { $payload } です。ラベルが別の動画から移されたか、透かしが入れ直されています。

declared =
    .ai = AI が作成
    .part-ai = 一部を AI が作成
    .perhaps-ai = AI が作成した可能性あり
    .camera = カメラやレコーダーで記録
    .people = 人が作成
    .other = その他の方法で作成

summary =
    .intact = { $made }。署名者：{ $signer }（{ $trust ->
            [own] 当方
            [trusted] 信頼リストに記載
           *[unknown] ここでは誰も保証していません
        }）。署名後の変更はありません。
    .recovered = { $made }。透かしから見つかったマニフェスト（署名者：{ $signer }、{ $date }）によります。{ $severity ->
            [good] このファイルは、署名後に保存し直されたコピーです。
           *[doubt] すべてが確認できたわけではありません。理由をご覧ください。
        }
    .altered = 当方の動画ですが、署名後に変更されています。
    .marked = 当方の透かしがありますが、出所はマニフェストで確認されていません。
    .mixed = 一部だけが当方のものか、当方の複数の動画が合わさったものです。
    .foreign = { $teller ->
            [other] { $made }（元の素材のマニフェストによる。署名者：{ $maker }）。
            [none] {""}
           *[self] { $made }。
        }{ $trust ->
            [trusted] 信頼リストにある { $signer } が署名しています
            [invalid] 他者のマニフェストがありますが、有効ではありません
           *[unknown] { $signer } と名乗る者が署名していますが、ここでは誰も保証していません
        }。当方の透かしはありません。
    .contradictory = この動画についての記述は互いに矛盾しています。
    .lookalike = 当方の動画に似ていますが、その透かしはありません。
    .nothing-found = { $declared ->
            [elsewhere] マニフェストは別の場所にあるとファイルに記載がありますが、確認していません。
            [yes] 署名されたものには出所を示すものがありません。ファイル自身の記載：{ $how }。
           *[no] 出所を示すものは見つかりませんでした。
        }

next =
    .sign-with-time-stamp = 署名されたものとして扱ってください。長く有効であるべきものはタイムスタンプ付きで署名してください（--time-stamp-url）。
    .name-signer = 署名者を知るには --trust FILE でその認証局を指定するか、当方の署名者なら [trust] own に証明書を加えてください。
    .read-actions = どのように作られたかはマニフェストのアクションを見てください。
    .ask-for-signed = マニフェストの記述には頼らず、署名時のファイルを提供者に求めてください。
    .take-as-claim = マニフェストの記述は未知の者の主張として扱ってください。署名者の認証局を知っているなら --trust FILE で指定してください。
    .ask-for-original = 投稿者に元のファイルを求め、比べてください。
    .read-recovered = どのように作られたかは見つかったマニフェストのアクションを見てください。その後の変更は書かれていません。
    .compare-by-eye = 登録された動画とこの動画を並べて見てください。
    .ask-key-holder = 番号を鍵の持ち主に照会してください。動画のマニフェストが分かります。
    .look-at-parts = 頼る前に、当方の透かしがない時間と場所を確認してください。
    .trust-marks = マニフェストの記述ではなく、透かしと登録簿に頼ってください。
    .list-own-signer = その署名者が当方なら、[trust] own に証明書を加えてください。
    .doubt-both = 疑わしいものとして扱い、頼る前に両方の出所を調べてください。
    .fetch-manifest = そのアドレスを信頼するならマニフェストを取得し、同じ名前に .c2pa を付けてファイルの横に置き、もう一度検証してください。
    .nothing-follows = 出所については何も言えません。ほとんどの動画には証拠がありません。
    .give-time-authorities = タイムスタンプの発行者を信頼するなら、その証明書を --trust-tsa FILE で指定してもう一度検証してください。

made =
    .ai = AI が作成{ $by ->
            [named] （{ $agent }）
           *[unnamed] {""}
        }
    .part-ai = 一部を AI が作成{ $by ->
            [named] （{ $agent }）
           *[unnamed] {""}
        }
    .camera = カメラやレコーダーで記録
    .people = 人が作成
    .unsaid = 作り方の記載なし

signer =
    .unnamed = 名前のない署名者

credential =
    .expired = 証明書の期限がその後切れており{ $until ->
            [unknown] {""}
           *[other] （{ $until } まで有効）
        }、署名日時を証明するものはありません
    .expired-unattested = 証明書の期限がその後切れています{ $until ->
            [unknown] {""}
           *[other] （{ $until } まで有効）
        }。タイムスタンプは { $time } の署名としていますが、{ $because ->
            [old-kind] ここではリストと照合できない古い形式であるため
            [future] 未来の日時であるため
           *[unlisted] 発行者がどのリストにもないため
        }、数えません
    .not-yet = 証明書はまだ有効ではありません（{ $from } から有効）
    .not-then = 署名日時の { $time } に証明書は有効ではありませんでした
    .revoked = 証明書は失効しています
    .of-ingredient = 素材の証明書の期限が切れたか、失効しています

fault =
    .expired = 証明書の期限が切れているか、まだ有効ではない
    .revoked = 証明書が失効している
    .not-for-signing = 証明書がマニフェストの署名用ではない
    .unsigned = 署名がない
    .signature = 署名が記述と一致しない
    .assertion = 記述が署名後に変更されている
    .content = 内容が署名後に変更されている
    .missing = 一部が欠けている
    .time-stamp = タイムスタンプが有効ではない
    .algorithm = 署名またはハッシュの方式が未知である
    .ingredient = 素材のマニフェストが有効ではない
    .unreadable = 壊れていて読み取れない
    .rules = マニフェストの規則に反している
    .unnamed = 検査に失敗した

source =
    .ai = 学習済みアルゴリズムで作られた
    .part-ai = 一部が学習済みアルゴリズムで作られた
    .part-synthetic = 一部が合成されたものである
    .algorithm = アルゴリズムで作られた
    .enhanced = アルゴリズムで補正された
    .camera = カメラまたは録音機で記録された
    .cameras = カメラまたは録音機の記録を組み合わせた
    .screen = 画面から記録された
    .people = 人が作った
    .other = 独自の種類の出所である

title =
    .none = 題名なし
