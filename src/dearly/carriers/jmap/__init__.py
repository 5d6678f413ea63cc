"""The office, and providers that speak JMAP (RFC 8620, RFC 8621; blobs inside the request by RFC 9404).

What is put on the wire, so that client and server can be read side by side:

Handing over is one request: `Blob/upload` (a letter larger than the account's `maxSizeBlobSet`, than a third of
`maxSizeRequest` or than 4 MB goes to `uploadUrl` first), `Email/import` of `#b0` into the mailbox with role `sent`
(else `drafts`), and `EmailSubmission/set` with one submission of `#e0` *for each recipient*, each with its own envelope
(`rcptTo` of one), so that every recipient has an outcome of its own and none reads of another.

Once and never twice: an account capability of ours, `ONCE`, may be announced. It adds to EmailSubmission one
immutable property `onceKey` (String, at most 64 characters, null when not given), and a filter `onceKeys: String[]`
to `EmailSubmission/query`. Creating a submission with a `onceKey` that this account has used before, for the same
recipient and the same bytes, creates nothing: the answer is `created` with the id of the first. Other bytes or another
recipient under a used key is a SetError `alreadyExists`. Keys are remembered at least 90 days. Our `onceKey` is a hash
of `SealedLetter.key` and the recipient. Because of it a letter may be handed over again after an unclear answer, and
an empty `EmailSubmission/query` proves that it was not taken. With `ONCE` our copy in `sent` is destroyed at once.

To the world: a second capability of ours, `WORLD`, says that the office hands letters on to e-mail addresses, and by
which mail server (`smarthost`). The submission of such a letter is made once and answers at once; its `deliveryStatus`
says what became of it: `queued` while it waits in the office, `unknown` with a reply of 2yz when that server has taken
it, `unknown` with 4yz when nobody can say whether it has, `no` when it came back. Submitting again under the same
`onceKey` changes none of these, so a letter is asked about before anything, and a new decision of its writer's has a
new key. `undoStatus` may be set to `canceled` while it is `pending`.

Collecting is `Email/query` (mailbox with role `inbox`, oldest first) the first time, and `Email/changes` ever after;
then `Email/get` (blobId, size, mailboxIds, keywords) and `Blob/get` (data, digest:sha-256, size), or `downloadUrl` for
those above 1 MB, for what came short, and where blobs inside the request are not known. Acknowledging is `Email/set`
of the keyword `$seen`; where a server forbids it, parcels stay as they are and nothing is lost.

The modules: `line` (HTTP: what may have had an effect, and what cannot have), `session` (the Session object and one
request), `blobs`, `posting`, `looking`, `collecting`, `provider` (an account at a provider: a mailbox that others use
too), and `joining` (an invitation for an account, which JMAP does not speak of).
"""

from dearly.carriers.jmap.carrier import JmapCarrier
from dearly.carriers.jmap.joining import Membership, join, new_token
from dearly.carriers.jmap.provider import ProviderCarrier
from dearly.carriers.jmap.session import ONCE

__all__ = ["ONCE", "JmapCarrier", "Membership", "ProviderCarrier", "join", "new_token"]
