// @callboard/sdk. Apache-2.0. Built from sdk/js/src; do not edit.
/**
 * The one error that the SDK throws or hands to `on('error')`.
 * `code` is stable and meant for programs, `detail` and `remedy` for people.
 */
export declare class CallboardError extends Error {
	/** A code of the API (`unauthorized`, `cursor_gone`, …), or one of the SDK's own: `unreachable`, `unexpected_answer`, `bad_stream`, `bad_option`, `wrong_app`, `closed`, `handler`. */
	readonly code: string;
	/** The HTTP status; 0 when no answer came. */
	readonly status: number;
	readonly detail: string;
	readonly remedy: string;
	constructor(code: string, status: number, detail: string, remedy?: string, cause?: unknown);
}
interface components {
	schemas: {
		Hello: {
			/** @example callboard */
			name: string;
			version: string;
			/** @example v1 */
			api: string;
		};
		Code: {
			code: string;
			/** @description The page's address with the code in its fragment. Works once. */
			url: string;
			/** Format: date-time */
			expires_at: string;
		};
		SessionRequest: {
			code: string;
		};
		Session: {
			token: string;
			/** @example user */
			source: string;
		};
		Status: {
			version: string;
			/** @description Whom your token speaks for: `user` or an app's id. */
			source: string;
			/** @description Which commands your token may give. */
			may?: components["schemas"]["Permission"][];
			claim?: components["schemas"]["Grant"];
			read?: components["schemas"]["Grant"];
			epoch: string;
			lines: components["schemas"]["Line"][];
			store: components["schemas"]["StoreStatus"];
		};
		Line: {
			name: string;
			extensions: string[];
			pbx: components["schemas"]["Link"];
			/** @description What can be done from here with this PBX, this account and this phone. */
			abilities: components["schemas"]["Ability"][];
		};
		Ability: {
			/** @enum {string} */
			name: "dial" | "answer" | "hangup" | "hold" | "transfer" | "consult" | "join" | "park" | "digits" | "mute" | "record" | "pause_recording" | "stop_recording" | "inspect";
			available: boolean;
			/** @description Why it is missing. */
			reason?: string;
			/** @description What to do about it. */
			remedy?: string;
		};
		/**
		 * @description `dial`: make calls. `control`: command calls that there are. `reopen`: put closed records back on the board. `metrics`: read `/v1/metrics`.
		 * @enum {string}
		 */
		Permission: "dial" | "control" | "reopen" | "metrics";
		/** @description The link to the PBX. */
		Link: {
			/** @enum {string} */
			state: "connecting" | "connected" | "lost" | "refused";
			/** Format: date-time */
			since: string;
			/** @description What the PBX calls itself, e.g. `Asterisk 22.10.1`. */
			peer?: string;
			/** @description Why the link is not there. */
			problem?: string;
			/** @description What to do about it. */
			remedy?: string;
			/** @description What should be put right although the link works, such as an account that may do too much. */
			warnings?: string[];
		};
		StoreStatus: {
			durable: boolean;
			problem?: string;
		};
		/** @description Names of fields and lists, such as `party.email` and `notes`; a trailing `*` stands for any rest, `*` alone for all. */
		Grant: string[];
		AppChange: {
			name?: string;
			may?: components["schemas"]["Permission"][];
			max_quality?: components["schemas"]["Quality"];
			after_call?: boolean;
			claim?: components["schemas"]["Grant"];
			read?: components["schemas"]["Grant"];
		};
		Quarantined: {
			/** @description A field, or a list. */
			field: string;
			/** Format: date-time */
			since: string;
		};
		Contention: {
			/** @description Between which it went. */
			sources: string[];
			/** Format: date-time */
			at: string;
			/**
			 * Format: int64
			 * @description It is frozen as long as the record's wave is this one.
			 */
			wave: number;
		};
		App: {
			id: string;
			name: string;
			connected: boolean;
			/** @description Which commands it may give. */
			may?: components["schemas"]["Permission"][];
			max_quality: components["schemas"]["Quality"];
			/** @description It may write when the record is closed. */
			after_call: boolean;
			claim: components["schemas"]["Grant"];
			read: components["schemas"]["Grant"];
			/** @description What it may not write because it ran in circles there with others. */
			quarantined?: components["schemas"]["Quarantined"][];
			needs?: string[];
			gives?: string[];
			on?: components["schemas"]["Moment"][];
		};
		AppList: {
			apps: components["schemas"]["App"][];
			/** @description Rings of connected apps that may set each other off. */
			cycles?: components["schemas"]["Cycle"][];
		};
		NewApp: {
			/** @description Short and stable: it names the source of claims. Not `pbx`, `user` or `history`. */
			id: string;
			name?: string;
			/** @description Which commands it may give; none unless said. */
			may?: components["schemas"]["Permission"][];
			/** @description What its claims count as at most; absent: `verified`. */
			max_quality?: components["schemas"]["Quality"];
			/** @description It may write when the record is closed, some minutes after the call. */
			after_call?: boolean;
			/** @description What it may write; absent: all that is open. */
			claim?: components["schemas"]["Grant"];
			/** @description What it may read, besides its own fields `x.<id>.*`; absent: all. Other apps' own fields only where they are named, or shared: `x.<app>.shared.*`. */
			read?: components["schemas"]["Grant"];
			/** @description What it says that it works from, for the warning of loops. */
			needs?: string[];
			/** @description What it says that it gives, for the warning of loops. */
			gives?: string[];
			/** @description Give an app that is there already a new token; the old one stops working. Without it the answer is 409 `conflict`. */
			renew?: boolean;
		};
		AppToken: {
			id: string;
			token: string;
			/** @description Rings of apps that may set each other off, now that it is among them. Nothing runs for ever - fuel ends it - but look whether that is meant. */
			cycles?: components["schemas"]["Cycle"][];
		};
		Cycle: {
			/** @description Each may set off the next and the last the first. */
			apps: string[];
			/** @description What each of them gives that the next one works from. */
			fields: string[];
		};
		/** @enum {string} */
		RecordState: "open" | "closed";
		/** @enum {string} */
		Moment: "opened" | "answered" | "ended" | "changed";
		/**
		 * @description How sure the source is, weakest first. `confirmed` is a person's word.
		 * @enum {string}
		 */
		Quality: "guess" | "derived" | "matched" | "verified" | "confirmed";
		RecordList: {
			cursor: string;
			records: components["schemas"]["Record"][];
		};
		Record: {
			id: string;
			/**
			 * Format: int64
			 * @description Grows by one per change.
			 */
			rev: number;
			line: string;
			/** @enum {string} */
			origin: "call" | "lookup" | "reopened";
			state: components["schemas"]["RecordState"];
			/** Format: date-time */
			opened_at: string;
			/** Format: date-time */
			closed_at?: string;
			/**
			 * @description Of one that was reopened: why it was opened first.
			 * @enum {string}
			 */
			first_origin?: "call" | "lookup";
			/** Format: date-time */
			reopened_at?: string;
			/**
			 * Format: date-time
			 * @description All that had been said in it until then was erased; what is there now was said later.
			 */
			erased_at?: string;
			/** @description False when the PBX could not be seen for a part of the call. */
			complete: boolean;
			/** @description False while the store cannot take changes. */
			durable: boolean;
			/**
			 * Format: int64
			 * @description Counts what started enrichment: the opening, a change at the PBX, a person's edit.
			 */
			wave?: number;
			settled?: components["schemas"]["Settled"];
			call?: components["schemas"]["Call"];
			/** @description By field name, such as `party.company`. */
			fields: {
				[key: string]: components["schemas"]["Field"];
			};
			/** @description By list name: `notes`, `documents`, `emails`, `links`, `history`, `cards`, `party.candidates`. */
			items: {
				[key: string]: components["schemas"]["Item"][];
			};
			/** @description Apps that have looked and know nothing. */
			nothing?: components["schemas"]["Nothing"][];
			/** @description By field: those that sources change back and forth in answer to each other. Such a field is frozen at its best value until news of the call or a person's edit. */
			contended?: {
				[key: string]: components["schemas"]["Contention"];
			};
			/** @description With `include=claims`: fields of which nothing is shown, because all that is said of them is hidden or nothing is said as yet. */
			blank?: {
				[key: string]: components["schemas"]["BlankField"];
			};
		};
		BlankField: {
			claims: components["schemas"]["Claim"][];
			pin?: string;
			hidden?: string[];
		};
		Nothing: {
			/** @description The app. */
			source: string;
			/** @description Of which it knows nothing; a trailing `*` stands for any rest. */
			fields: string[];
			/** Format: date-time */
			at: string;
			/**
			 * Format: date-time
			 * @description When it is asked again. In a notification absent when that word is over.
			 */
			until?: string;
			round: number;
		};
		Pin: {
			/** @description Whose word is shown: an app's id, `pbx`, `user` or `history`. */
			source: string;
		};
		Field: {
			/** @description The shown value. */
			value: string;
			/** @description Who says so: `pbx`, `user`, `history` or an app's id. */
			source: string;
			quality: components["schemas"]["Quality"];
			/** Format: date-time */
			at: string;
			/** @description How many works deep: 0 is the PBX or a person, 1 the first app's answer. */
			round: number;
			/** @description How many other values there are. */
			others: number;
			/**
			 * Format: date-time
			 * @description Of source `history`: when it was known.
			 */
			since?: string;
			/** @description Every claim, the shown one first. With `include=claims`. */
			claims?: components["schemas"]["Claim"][];
			/** @description The source that the person has pinned. With `include=claims`. */
			pin?: string;
			/** @description The sources that the person has hidden. With `include=claims`. */
			hidden?: string[];
		};
		Claim: {
			source: string;
			value: string;
			quality: components["schemas"]["Quality"];
			/** Format: date-time */
			at: string;
			round: number;
			/** @description The work that it answers. */
			work?: string;
			/**
			 * Format: date-time
			 * @description When it goes by itself; absent: never.
			 */
			expires_at?: string;
			/**
			 * Format: date-time
			 * @description Of source `history`: when it was known.
			 */
			since?: string;
		};
		Item: {
			id: string;
			source: string;
			/** Format: date-time */
			at: string;
			/** Format: date-time */
			changed_at: string;
			text?: string;
			title?: string;
			url?: string;
			round?: number;
			fields?: components["schemas"]["CandidateFields"];
		};
		/**
		 * @description Of an item of `party.candidates`: who it may be, such as `party.name`. The person picks one by the claim of `party.candidate` with
		 *     `<source>/<id>` of the item; its fields then stand as claims of its source. Of an item of `history`: `history.view` (`user-party`, `our company-party`
		 *     or `their company-us`), `history.direction`, `history.result`, `history.at`, `history.duration_s`, `history.who`, `history.record`.
		 *     Not set for items of other lists.
		 */
		CandidateFields: {
			[key: string]: string;
		};
		/** @description What the PBX said. Only source `pbx` writes it. */
		Call: {
			id: string;
			direction: components["schemas"]["Direction"];
			state: components["schemas"]["CallState"];
			result?: components["schemas"]["Result"];
			ended_by?: components["schemas"]["EndedBy"];
			/** Format: date-time */
			started_at: string;
			/** Format: date-time */
			answered_at?: string;
			/**
			 * Format: date-time
			 * @description Absent when the end was not seen; with `ended_after` it is what the PBX has noted later.
			 */
			ended_at?: string;
			/**
			 * Format: date-time
			 * @description The end was not seen; it was after this.
			 */
			ended_after?: string;
			/**
			 * Format: date-time
			 * @description The end was not seen; it was before this.
			 */
			ended_before?: string;
			complete: boolean;
			/** @description Nobody saw the call: all that is said of it was read back from the PBX's own records, which tell less. */
			unseen?: boolean;
			/** @description What can be done with it just now, from here: see `POST /v1/records/{record}/commands`. */
			actions?: components["schemas"]["CommandName"][];
			/** @description The number that it was given to. */
			transferred_to?: string;
			/** @description Who gave it to us. */
			transferred_by?: string;
			/** @enum {string} */
			transfer_kind?: "blind" | "attended";
			/** @description A number, or `voicemail`. */
			forwarded_to?: string;
			forwarded_by?: string;
			picked_up_by?: string;
			/** @description The parking space. */
			parked_at?: string;
			/** @description Who fetched it from there. */
			retrieved_by?: string;
			retrieved_from?: string;
			queue?: string;
			/** @description Of the conference. */
			room?: string;
			/** @description It was made from here. */
			click_to_dial?: boolean;
			/** @description The other end has us on hold. */
			other_holds?: boolean;
			muted: boolean;
			parked: boolean;
			conference: boolean;
			/**
			 * @description Absent: nothing is recorded just now.
			 * @enum {string}
			 */
			recording?: "on" | "paused";
			recorded: components["schemas"]["Known"];
			monitored: components["schemas"]["Known"];
			encrypted: components["schemas"]["Known"];
			secure_line: components["schemas"]["Known"];
			legs: components["schemas"]["Leg"][];
			/** @description The call as each of the line's extensions sees it; the facts above are those of the one that is live, else the one that was answered. */
			views: components["schemas"]["View"][];
			timeline: components["schemas"]["TimelineEntry"][];
		};
		/** @enum {string} */
		Direction: "inbound" | "outbound" | "internal" | "unknown";
		/** @enum {string} */
		CallState: "dialing" | "ringing" | "connected" | "held" | "ended";
		/** @enum {string} */
		Result: "answered" | "missed" | "busy" | "rejected" | "cancelled" | "failed" | "voicemail" | "answered_elsewhere" | "forwarded" | "unknown";
		/** @enum {string} */
		EndedBy: "self" | "other" | "pbx" | "failure";
		/** @enum {string} */
		Known: "yes" | "no" | "unknown";
		Party: {
			/** @description As the PBX gave it. */
			number?: string;
			name?: string;
			extension?: string;
			/** @description Of the device that speaks for the party. */
			ip?: string;
			/** @description The party asked not to be shown. */
			withheld?: boolean;
		};
		Leg: {
			id: string;
			/** @description This leg began the call. */
			caller?: boolean;
			/** @description The address that its sound comes from. */
			media?: string;
			state: components["schemas"]["CallState"];
			device?: string;
			party: components["schemas"]["Party"];
		};
		View: {
			extension: string;
			direction: components["schemas"]["Direction"];
			state: components["schemas"]["CallState"];
			result?: components["schemas"]["Result"];
			ended_by?: components["schemas"]["EndedBy"];
			party: components["schemas"]["Party"];
			/** @description What was dialled. */
			dialed?: string;
			/** Format: date-time */
			started_at: string;
			/** Format: date-time */
			answered_at?: string;
			/** Format: date-time */
			ended_at?: string;
			/** Format: date-time */
			ended_after?: string;
			/** Format: date-time */
			ended_before?: string;
			answered_by?: string;
			/** @description The extension began the call. */
			caller?: boolean;
			first_party?: components["schemas"]["Party"];
			/** @description The number that it was given to. */
			transferred_to?: string;
			/** @description Who gave it to us. */
			transferred_by?: string;
			/** @enum {string} */
			transfer_kind?: "blind" | "attended";
			/** @description A number, or `voicemail`. */
			forwarded_to?: string;
			forwarded_by?: string;
			picked_up_by?: string;
			/** @description The parking space. */
			parked_at?: string;
			/** @description Who fetched it from there. */
			retrieved_by?: string;
			retrieved_from?: string;
			queue?: string;
			/** @description Of the conference. */
			room?: string;
			/** @description It was made from here. */
			click_to_dial?: boolean;
			/** @description The other end has us on hold. */
			other_holds?: boolean;
			muted?: boolean;
			parked?: boolean;
			conference?: boolean;
			/**
			 * @description Absent: nothing is recorded just now.
			 * @enum {string}
			 */
			recording?: "on" | "paused";
			recorded?: components["schemas"]["Known"];
			monitored?: components["schemas"]["Known"];
			encrypted?: components["schemas"]["Known"];
			secure_line?: components["schemas"]["Known"];
			timeline: components["schemas"]["TimelineEntry"][];
		};
		TimelineEntry: {
			/** Format: date-time */
			at: string;
			/** @description dialing, ringing, connected, held, resumed, ended, and what happens besides: transferred, forwarded, parked, gap… */
			what: string;
			extension?: string;
			detail?: string;
		};
		/** @description Nobody is working on the record. */
		Settled: {
			/** Format: int64 */
			wave: number;
			rounds: number;
			/** Format: int64 */
			took_ms: number;
			/** @description Apps that let a work's time pass. */
			unanswered: string[];
		};
		Dial: {
			/** @description As you would dial it, or with + and its country code. */
			number: string;
			/** @description Whose phone rings; absent: the line's first. */
			extension?: string;
		};
		Placed: {
			/** @description The record that becomes the call. */
			record: string;
		};
		/**
		 * @description `answer`, `hold`, `resume`: the phone does it. `hangup`: of a call that rings here it is rejected. `transfer`: the other
		 *     party goes to the number `to`. `consult`: the other party waits while `to` is called; then `complete` or `cancel`.
		 *     `join`: the other parties of this call and of the call of `record` are given to each other. `park`. `digits`: sends `digits`.
		 *     `mute`, `unmute`: what the phone sends is kept back. `record`, `pause_recording`, `resume_recording`, `stop_recording`: at the PBX.
		 * @enum {string}
		 */
		CommandName: "answer" | "hangup" | "hold" | "resume" | "transfer" | "consult" | "complete" | "cancel" | "join" | "park" | "digits" | "mute" | "unmute" | "record" | "pause_recording" | "resume_recording" | "stop_recording";
		Command: {
			command: components["schemas"]["CommandName"];
			/** @description The number of `transfer` and `consult`. */
			to?: string;
			/** @description The other call's record of `join`. */
			record?: string;
			/** @description 0-9 * # A-D, of `digits`. */
			digits?: string;
			/** @description Which of the line's extensions, where several are in the call. */
			extension?: string;
		};
		Commanded: {
			record: string;
			command: components["schemas"]["CommandName"];
		};
		/** @description At least one of these. */
		Lookup: {
			/** @description In any usual format; without a country code it is read as of the line's region. */
			number?: string;
			name?: string;
			email?: string;
			website?: string;
			ip?: string;
			company?: string;
			job_title?: string;
			address?: string;
			/** @description One business card as text, vCard 3.0 or 4.0. What is typed beside it goes before. */
			vcard?: string;
		};
		NewClaim: {
			field: string;
			/** @description Absent or empty withdraws your claim. */
			value?: string;
			quality?: components["schemas"]["Quality"];
			/**
			 * Format: int64
			 * @description After how long it goes by itself, a second to 30 days; absent: never.
			 */
			ttl_ms?: number;
		};
		ClaimRequest: {
			claims: components["schemas"]["NewClaim"][];
		};
		NoteText: {
			text: string;
		};
		NewItem: {
			/** @enum {string} */
			list: "notes" | "documents" | "emails" | "links" | "history" | "cards" | "party.candidates";
			/** @description Your own id for it; saying it again replaces it. */
			id?: string;
			text?: string;
			title?: string;
			url?: string;
			fields?: components["schemas"]["CandidateFields"];
		};
		Answer: {
			claims?: components["schemas"]["NewClaim"][];
			items?: components["schemas"]["NewItem"][];
			/** @description Looked and has nothing. */
			nothing_found?: boolean;
			/** @description Of which fields nothing was found; absent: of all that it gives. `party.*` stands for all that begin so. */
			nothing_fields?: string[];
			/**
			 * Format: int64
			 * @description How long that holds: so long the app is not asked the same again. Absent: 10 minutes; at most a day.
			 */
			nothing_for_ms?: number;
			/**
			 * Format: int64
			 * @description The `rev` that the record must have, as `If-Match` of a claim.
			 */
			match?: number;
			/** @description Could not look. */
			error?: string;
		};
		Progressed: {
			work: string;
			/**
			 * Format: int64
			 * @description Time left to answer.
			 */
			deadline_ms: number;
		};
		Written: {
			record: string;
			/** Format: int64 */
			rev: number;
			/** @description How many claims and items changed something. */
			changed: number;
		};
		/** @description A CloudEvents 1.0 envelope in JSON. */
		Notification: {
			/** @enum {string} */
			specversion: "1.0";
			/** @description The cursor `epoch:seq`; for `work` the work's id. */
			id: string;
			/** @description The line. */
			source: string;
			type: components["schemas"]["NotificationType"];
			/** Format: date-time */
			time: string;
			/** @description The record. */
			subject?: string;
			/** @description It stands for several changes, and `id` is no cursor to go on from. Only where `coalesce` was asked for. */
			coalesced?: boolean;
			datacontenttype?: string;
			/** @description See the schema named for its type. */
			data: {
				[key: string]: unknown;
			};
		};
		/**
		 * @description `record.opened`, `record.joined`, `record.added`, `record.newest`: RecordData. `record.changed`: ChangedData. `record.settled`: SettledData.
		 *     `record.closed`, `record.removed`: RevData. `record.erased`: ErasedData. `field.contended`: ContendedData. `call.*`: CallData. `item.*`: ItemData. `app.*`, `webhook.*`: AppData.
		 *     `pbx.connected`, `pbx.lost`: LinkData. `pbx.gap`: GapData. `work`: Work. `bookmark`: BookmarkData. `reset`: ResetData.
		 * @enum {string}
		 */
		NotificationType: "call.created" | "call.ringing" | "call.answered" | "call.held" | "call.resumed" | "call.transferred" | "call.forwarded" | "call.conferenced" | "call.parked" | "call.retrieved" | "call.picked_up" | "call.updated" | "call.ended" | "record.opened" | "record.joined" | "record.changed" | "record.settled" | "record.closed" | "record.erased" | "record.added" | "record.removed" | "record.newest" | "field.contended" | "item.added" | "item.changed" | "item.removed" | "app.registered" | "app.gone" | "app.quarantined" | "app.released" | "webhook.disabled" | "webhook.test" | "pbx.connected" | "pbx.lost" | "pbx.gap" | "work" | "bookmark" | "reset";
		RevData: {
			/** Format: int64 */
			rev: number;
		};
		RecordData: {
			/** Format: int64 */
			rev: number;
			record: components["schemas"]["Record"];
		};
		ChangedData: {
			/** Format: int64 */
			rev: number;
			/** @description Who caused the change. */
			source: string;
			/** Format: int64 */
			wave: number;
			round: number;
			/** @description Only the changed ones; null when nothing is shown any more. */
			fields: {
				[key: string]: components["schemas"]["Field"] | null;
			};
			/** @description With `include=claims`: those of the fields that are null but of which something is said or decided. */
			blank?: {
				[key: string]: components["schemas"]["BlankField"];
			};
			/** @description Lists that are others now, whole: what `history` remembers comes at once. */
			items?: {
				[key: string]: components["schemas"]["Item"][];
			};
			/** @description An app looked and knows nothing; or that is over. */
			nothing?: components["schemas"]["Nothing"];
		};
		CallData: {
			/** Format: int64 */
			rev: number;
			call: components["schemas"]["Call"];
		};
		ItemData: {
			/** Format: int64 */
			rev: number;
			list: string;
			item: components["schemas"]["Item"];
		};
		SettledData: components["schemas"]["RevData"] & components["schemas"]["Settled"];
		/** @description Sources change a field back and forth in answer to each other. It is frozen at its best value. */
		ContendedData: {
			/** Format: int64 */
			rev: number;
			field: string;
			sources: string[];
			/**
			 * Format: int64
			 * @description It is frozen until the next one.
			 */
			wave: number;
		};
		AppData: {
			app: string;
			/** @description Of `app.quarantined` and `app.released`: what the app may not write, or may again. */
			field?: string;
			needs?: string[];
			gives?: string[];
			/** @description Of `webhook.disabled`: why. */
			reason?: string;
		};
		LinkData: {
			line: string;
			pbx: components["schemas"]["Link"];
		};
		GapData: {
			line: string;
			/** Format: date-time */
			from: string;
			/** Format: date-time */
			to: string;
			/** @description The PBX itself was started anew. */
			restarted?: boolean;
		};
		BookmarkData: {
			cursor: string;
			/**
			 * Format: int64
			 * @description How many changes there are that you have not been sent.
			 */
			behind?: number;
			/**
			 * Format: int64
			 * @description How long ago the first of them was made.
			 */
			behind_ms?: number;
		};
		ResetData: {
			reason: string;
		};
		Work: {
			work: string;
			record: components["schemas"]["Record"];
			/** @description Inputs whose shown value moved. */
			changed: string[];
			moments?: components["schemas"]["Moment"][];
			round: number;
			/** Format: int64 */
			wave: number;
			/**
			 * Format: int64
			 * @description Time left to answer.
			 */
			deadline_ms: number;
		};
		/** @description Sent by the client on the WebSocket. */
		AnswerFrame: {
			/** @enum {string} */
			type: "answer";
			/** @description Yours: it comes back with the reply. */
			id?: string;
			work: string;
			claims?: components["schemas"]["NewClaim"][];
			items?: components["schemas"]["NewItem"][];
			nothing_found?: boolean;
			nothing_fields?: string[];
			/** Format: int64 */
			nothing_for_ms?: number;
			/** Format: int64 */
			match?: number;
			error?: string;
		};
		/** @description Sent by the client on the WebSocket: still at it. */
		ProgressFrame: {
			/** @enum {string} */
			type: "progress";
			id?: string;
			work: string;
		};
		ProgressedFrame: {
			/** @enum {string} */
			type: "progressed";
			id?: string;
			work: string;
			/**
			 * Format: int64
			 * @description Time left to answer.
			 */
			deadline_ms: number;
		};
		AnsweredFrame: {
			/** @enum {string} */
			type: "answered";
			id?: string;
			work: string;
			written: components["schemas"]["Written"];
		};
		/** @description Sent by the client on the WebSocket: the same as `POST /v1/records/{record}/claims`. */
		ClaimFrame: {
			/** @enum {string} */
			type: "claim";
			/** @description Yours: it comes back with the reply. */
			id?: string;
			record: string;
			claims: components["schemas"]["NewClaim"][];
			/**
			 * Format: int64
			 * @description The `rev` that the record must have, as If-Match.
			 */
			match?: number;
		};
		ClaimedFrame: {
			/** @enum {string} */
			type: "claimed";
			id?: string;
			written: components["schemas"]["Written"];
		};
		ProblemFrame: {
			/** @enum {string} */
			type: "problem";
			id?: string;
			work?: string;
			problem: components["schemas"]["Problem"];
		};
		/** @description Which records a webhook follows, and what it is told of them, as the parameters of `GET /v1/watch`. Empty: all. */
		WebhookFilter: {
			lines?: string[];
			states?: components["schemas"]["RecordState"][];
			call_states?: components["schemas"]["CallState"][];
			/** @description `call.*` stands for all that begin so. */
			types?: string[];
			fields?: string[];
		};
		/** @description What work it takes, as an enricher. */
		WebhookWork: {
			needs?: string[];
			gives?: string[];
			on?: components["schemas"]["Moment"][];
			/**
			 * Format: int64
			 * @description How long it takes for a work; absent: 5000.
			 */
			deadline_ms?: number;
		};
		Webhook: {
			/** @description The app's. */
			id: string;
			url: string;
			enabled: boolean;
			/** @enum {string} */
			include?: "claims";
			/** @description Absent: it is told nothing. */
			notify?: components["schemas"]["WebhookFilter"];
			/** @description Absent: it is handed nothing. */
			work?: components["schemas"]["WebhookWork"];
			/** Format: date-time */
			created_at: string;
			/** @description Deliveries in its queue. */
			waiting: number;
			/**
			 * Format: date-time
			 * @description When it last took something.
			 */
			taken_at?: string;
			/**
			 * Format: date-time
			 * @description Absent: what was sent last was taken.
			 */
			failing_since?: string;
			/** @description What was wrong with the newest attempt. */
			problem?: string;
			/**
			 * Format: date-time
			 * @description When Callboard disabled it.
			 */
			disabled_at?: string;
			disabled_reason?: string;
			/**
			 * Format: date-time
			 * @description How long the secret before this one signs too.
			 */
			former_secret_until?: string;
		};
		WebhookList: {
			webhooks: components["schemas"]["Webhook"][];
		};
		NewWebhook: {
			/** @description The app's: it names the source of what it says. */
			id: string;
			name?: string;
			/** @description https; http, and addresses of this computer or network, only as `webhooks.allow` in callboard.yaml has it. */
			url: string;
			/**
			 * @description `claims`: with every field all its claims.
			 * @enum {string}
			 */
			include?: "claims";
			/** @description Absent: it is told nothing. */
			notify?: components["schemas"]["WebhookFilter"];
			/** @description Absent: it is handed nothing. */
			work?: components["schemas"]["WebhookWork"];
		};
		WebhookChange: {
			url?: string;
			/** @description True also lets a webhook go on that Callboard has disabled; after any change what waits is tried anew at once. */
			enabled?: boolean;
			notify?: components["schemas"]["WebhookFilter"];
			work?: components["schemas"]["WebhookWork"];
		};
		WebhookSecret: {
			id: string;
			/** @description `whsec_` and the key in base64. */
			secret: string;
			/**
			 * Format: date-time
			 * @description How long the former secret signs too.
			 */
			former_until?: string;
		};
		Delivery: {
			/** @description Its `webhook-id`. */
			id: string;
			/**
			 * Format: int64
			 * @description Grows from one to the next.
			 */
			number: number;
			/** @description A NotificationType. */
			type: string;
			/** @description The notification's id, `epoch:seq`. */
			event?: string;
			record?: string;
			/**
			 * Format: date-time
			 * @description When what it tells of happened.
			 */
			at: string;
			/**
			 * @description `waiting` for its turn, its time or its answer; `sent`; `failed`: given up after the last attempt; `superseded`: a newer one of
			 *     its kind is sent in its place; `dropped`: see `note`.
			 * @enum {string}
			 */
			state: "waiting" | "sent" | "failed" | "superseded" | "dropped";
			note?: string;
			/** @description How many more of its kind it stands for. */
			folded?: number;
			/**
			 * Format: date-time
			 * @description Of one that waits after a failure: when it is tried again.
			 */
			due_at?: string;
			/** @description The newest 20, in order. */
			attempts: components["schemas"]["Attempt"][];
		};
		Attempt: {
			/** Format: date-time */
			at: string;
			/** @description HTTP status of the answer; absent: there was none. */
			status?: number;
			/** Format: int64 */
			took_ms: number;
			/** @description Why it failed; of one that was taken, what was wrong with its answer. */
			problem?: string;
		};
		DeliveryList: {
			deliveries: components["schemas"]["Delivery"][];
			/**
			 * Format: int64
			 * @description `before` of the next page; absent: this is the last.
			 */
			next?: number;
		};
		Problem: {
			/** @example urn:callboard:problem:unauthorized */
			type: string;
			title: string;
			status: number;
			/** @example unauthorized */
			code: string;
			detail?: string;
			remedy?: string;
			/** @description Of `rev_mismatch`: the record as it is. */
			current?: components["schemas"]["Record"];
		};
		/** @description Drop all that you hold of the record, and take what is left of it instead. */
		ErasedData: {
			/** Format: int64 */
			rev: number;
			/** @description What is left; absent: nothing but that there was one. */
			record?: components["schemas"]["Record"];
		};
		/** @description Who is to be erased; one of the three at least. */
		NewErasure: {
			/** @description Phone numbers in any usual format. */
			numbers?: string[];
			/** @description Words that mean nobody else, such as a full name or an e-mail address: 3 characters at least. */
			words?: string[];
			/** @description Records of that person, by id. */
			records?: string[];
			/** @description Erase nothing; tell what would go. */
			dry_run?: boolean;
		};
		/** @description The proof of an erasure. It says of nobody who it was. */
		Erasure: {
			/** @description Absent in a dry run. */
			id?: string;
			dry_run: boolean;
			/** Format: date-time */
			asked_at?: string;
			/**
			 * Format: date-time
			 * @description Since when it holds, in memory and in the database; absent: not yet.
			 */
			done_at?: string;
			/** @description Of that person: only the times and states of their calls are left. */
			records: string[];
			/** @description Of others: what mentioned the person is gone. */
			mentioned: string[];
			claims: number;
			/** @description Notes, links and other items. */
			items: number;
			/** @description Of the log. */
			changes: number;
			/** @description That were kept for their Idempotency-Keys. */
			answers: number;
			/** @description That were made or were to be made to webhooks, of their records. */
			deliveries?: number;
			/** @description Of people at their numbers. */
			picks?: number;
			/** @description How much was looked through; absent: it was done before this was noted. */
			searched?: components["schemas"]["Searched"];
			/** @description Only in the answer to the erasure itself. With it and what the person was named by the proof can be verified; it is kept nowhere. */
			code?: string;
		};
		/** @description How many of each the database had when it was looked through. */
		Searched: {
			records: number;
			changes: number;
			answers: number;
			deliveries: number;
			picks: number;
		};
		/** @description The same numbers, words and records as the erasure was asked for with. */
		NewVerification: {
			numbers?: string[];
			words?: string[];
			records?: string[];
			/** @description That of the erasure; absent: it is only looked what is left. */
			code?: string;
		};
		Verification: {
			erasure: components["schemas"]["Erasure"];
			/** @description The code fits: the proof is of exactly these numbers, words and records. */
			of_this_person: boolean;
			/** @description What an erasure would find now. Records that were opened since the erasure were said anew. */
			left: components["schemas"]["Erasure"];
			/** @description One of the words, or the digits of a number, is in the bytes of the database. */
			in_file: boolean;
		};
		/** @enum {string} */
		ExportFormat: "jsonl" | "csv" | "vcard";
		ErasureList: {
			erasures: components["schemas"]["Erasure"][];
		};
		/**
		 * @description `missed`: it rang here, and nobody took it, rejected it or sent it on. `received`: what came in and is not missed. `dialed`: what was called from here.
		 *     No call is in two of these. `lookups`: no call at all. `all`: these, calls that go on, and those of which the direction is not known.
		 * @enum {string}
		 */
		LogView: "all" | "missed" | "received" | "dialed" | "lookups";
		/** @description A record as the log shows it: `GET /v1/records/{record}` has the rest. */
		LogEntry: {
			/** @description The record's id. */
			record: string;
			line: string;
			/** @description missed, received, dialed or lookups; absent: none of these. */
			view?: components["schemas"]["LogView"];
			direction?: components["schemas"]["Direction"];
			/** @description Absent: the call goes on, or there is none. */
			result?: components["schemas"]["Result"];
			/**
			 * Format: date-time
			 * @description Of a lookup: when it was opened.
			 */
			started_at: string;
			/** Format: date-time */
			answered_at?: string;
			/** Format: date-time */
			ended_at?: string;
			/**
			 * Format: int64
			 * @description How long the two spoke.
			 */
			duration_ms?: number;
			extension?: string;
			/** @description E.164, or as it is dialled inside. */
			number?: string;
			/** @description As it was received or typed. */
			number_raw?: string;
			name?: string;
			company?: string;
			email?: string;
			website?: string;
			ip?: string;
			tags?: string;
			/** @description How many there are. */
			notes: number;
			/** @description False when the PBX could not be seen for a part of the call. Of one that is over and has no `ended_at`, that was its end. */
			complete: boolean;
			/** @description Nobody saw the call: it was read back from the PBX's own records, which tell less. */
			unseen?: boolean;
			/**
			 * Format: date-time
			 * @description All that had been said in the record until then was erased.
			 */
			erased_at?: string;
			/** @description Of an entry without a name: who that number is by another record. Absent where nothing is known, or of more than one person. */
			later?: components["schemas"]["LaterKnown"];
		};
		LaterKnown: {
			name: string;
			company?: string;
			/** @description The record that says so. */
			record: string;
			/**
			 * Format: date-time
			 * @description When its call began, or the lookup was opened.
			 */
			at: string;
		};
		CallLog: {
			entries: components["schemas"]["LogEntry"][];
			/** @description `cursor` of the next page; absent: this is the last. */
			next?: string;
		};
	};
	responses: {
		/** @description What is wrong, why, and what to do. */
		Problem: {
			headers: {
				[name: string]: unknown;
			};
			content: {
				"application/problem+json": components["schemas"]["Problem"];
			};
		};
	};
	parameters: {
		/** @description A record's id. */
		RecordID: string;
		/** @description An item's id; for a new note, 1 to 64 of A-Z a-z 0-9 _ -. */
		ItemID: string;
		/** @description A work's id. */
		WorkID: string;
		/** @description An app's id. */
		AppID: string;
		/** @description A delivery's id. */
		DeliveryID: string;
		/**
		 * @description Needed. Made anew for every intention, such as a UUID. The same key with the same request gets the same answer again
		 *     for 24 hours, and nothing is done twice; with another request 422 `idempotency_key_reused`; while the first is under way
		 *     409 `under_way`. If Callboard was ended meanwhile 409 `outcome_unknown`: look at the phone. A request that was refused before
		 *     it reached the PBX does not use its key up.
		 */
		IdempotencyKey: string;
		/**
		 * @description Of your own making, anew for every intention, such as a UUID. For 24 hours the same request with the same key gets the same answer
		 *     again and does nothing twice, also if Callboard or the connection broke down in between; while the first is under way the
		 *     second waits for it. With another request 422 `idempotency_key_reused`. A request that was refused does not use its key up. 410 `erased`:
		 *     it was done, and what was answered is erased since.
		 */
		WriteKey: string;
		/** @description `claims`: with every field all its claims, also those not shown. */
		Include: "claims";
		/** @description A field's name, such as `party.company`. */
		FieldName: string;
		/** @description Who says it: an app's id, `pbx` or `history`. */
		SourceName: string;
		/**
		 * @description The `rev` of the record that you have read, in quotes: `"12"`. Needed for fields with one owner (`call.disposition`).
		 *     Where the record has another by now, nothing is written: 412 `rev_mismatch` with the record as it is.
		 */
		IfMatch: string;
		/**
		 * @description The `changed_at` of the note that you have read, in quotes and as it came. Where it was changed or removed since, nothing is written: 412
		 *     `rev_mismatch` with the record as it is. So two who write one note at once both keep theirs: the second writes under another id.
		 */
		NoteMatch: string;
		/** @description How long you take for a work, at most 60000; absent: 5000. */
		DeadlineMS: number;
		/**
		 * @description `record`: where this stream has fallen behind, tell the newest state of each record (`record.newest`) in place of all its
		 *     changes. Frames told so are marked `coalesced`: their `id` is no cursor, that of the `bookmark` after them is.
		 */
		Coalesce: "record";
		/** @description Only records of these lines. */
		Lines: string[];
		/** @description Only records in these states. */
		States: components["schemas"]["RecordState"][];
		/** @description Only records whose call is in one of these states. */
		CallStates: components["schemas"]["CallState"][];
		/** @description Only these types of notification. `call.*` stands for all that begin so. */
		Types: string[];
		/** @description Of changes only these fields, and only items of these lists. `party.*` stands for all that begin so. */
		Fields: string[];
		/** @description Go on after this place (`epoch:seq`). Absent: from now. */
		Cursor: string;
		/** @description Fields whose shown value the app works from; a change of one hands it the record. A trailing `*` stands for any rest. */
		Needs: string[];
		/** @description Fields that the app may claim in its answers. */
		Gives: string[];
		/** @description Moments at which the app is handed the record whatever its inputs are. */
		On: components["schemas"]["Moment"][];
	};
	requestBodies: never;
	headers: never;
	pathItems: never;
}
type Schemas = components["schemas"];
export type WireRecord = Schemas["Record"];
export type Field = Schemas["Field"];
export type Claim = Schemas["Claim"];
export type BlankField = Schemas["BlankField"];
export type Nothing = Schemas["Nothing"];
export type NewClaim = Schemas["NewClaim"];
export type Lookup = Schemas["Lookup"];
export type Item = Schemas["Item"];
export type NewItem = Schemas["NewItem"];
export type Call = Schemas["Call"];
export type View = Schemas["View"];
export type Party = Schemas["Party"];
export type TimelineEntry = Schemas["TimelineEntry"];
export type Settled = Schemas["Settled"];
export type Quality = Schemas["Quality"];
export type Moment = Schemas["Moment"];
export type RecordState = Schemas["RecordState"];
export type CallState = Schemas["CallState"];
export type Direction = Schemas["Direction"];
export type Result = Schemas["Result"];
export type EndedBy = Schemas["EndedBy"];
export type Known = Schemas["Known"];
export type App = Schemas["App"];
export type AppChange = Schemas["AppChange"];
export type AppList = Schemas["AppList"];
export type Contention = Schemas["Contention"];
export type Cycle = Schemas["Cycle"];
export type Status = Schemas["Status"];
export type Line = Schemas["Line"];
export type Link = Schemas["Link"];
export type Ability = Schemas["Ability"];
export type Permission = Schemas["Permission"];
export type CommandName = Schemas["CommandName"];
export type Command = Schemas["Command"];
export type Written = Schemas["Written"];
export type CallLog = Schemas["CallLog"];
export type LogEntry = Schemas["LogEntry"];
export type LogView = Schemas["LogView"];
export type NewErasure = Schemas["NewErasure"];
export type Erasure = Schemas["Erasure"];
export type Session = Schemas["Session"];
export type Problem = Schemas["Problem"];
type WireWork = Schemas["Work"];
export type Webhook = Schemas["Webhook"];
export type WebhookFilter = Schemas["WebhookFilter"];
export type WebhookWork = Schemas["WebhookWork"];
export type NewWebhook = Schemas["NewWebhook"];
export type WebhookChange = Schemas["WebhookChange"];
export type WebhookSecret = Schemas["WebhookSecret"];
export type Delivery = Schemas["Delivery"];
export type Attempt = Schemas["Attempt"];
export type DeliveryList = Schemas["DeliveryList"];
export type NotificationType = Schemas["NotificationType"];
type CallType = Extract<NotificationType, `call.${string}`>;
type ItemType = Extract<NotificationType, `item.${string}`>;
/** What `data` holds, by the notification's type. */
export type DataOf<T extends NotificationType> = T extends "record.opened" | "record.joined" | "record.added" | "record.newest" ? Schemas["RecordData"] : T extends "record.changed" ? Schemas["ChangedData"] : T extends "record.settled" ? Schemas["SettledData"] : T extends "record.closed" | "record.removed" ? Schemas["RevData"] : T extends "record.erased" ? Schemas["ErasedData"] : T extends CallType ? Schemas["CallData"] : T extends ItemType ? Schemas["ItemData"] : T extends "field.contended" ? Schemas["ContendedData"] : T extends `app.${string}` | `webhook.${string}` ? Schemas["AppData"] : T extends "pbx.connected" | "pbx.lost" ? Schemas["LinkData"] : T extends "pbx.gap" ? Schemas["GapData"] : T extends "work" ? WireWork : T extends "bookmark" ? Schemas["BookmarkData"] : T extends "reset" ? Schemas["ResetData"] : never;
/** A CloudEvents 1.0 envelope; `id` is the cursor `epoch:seq`, except for `work`. */
export type NotificationOf<T extends NotificationType> = Omit<Schemas["Notification"], "type" | "data"> & {
	type: T;
	data: DataOf<T>;
};
/** Any notification; `switch (n.type)` tells which. */
type Notification$1 = {
	[T in NotificationType]: NotificationOf<T>;
}[NotificationType];
/** Shown values by the last part of their name; what nobody knows is absent. */
export type Values<Known extends string> = {
	readonly [K in Known]?: string;
} & {
	readonly [name: string]: string | undefined;
};
/**
 * A record as handlers get it: the wire's record, and short ways to what one needs most.
 * Frozen: a later change makes a new object.
 */
export interface BoardRecord extends Readonly<WireRecord> {
	/** The third party: `record.party.name` is the shown value of the field `party.name`. */
	readonly party: Values<"number" | "number_raw" | "name" | "email" | "company" | "job_title" | "location" | "website" | "ip">;
	/** The end user. */
	readonly user: Values<"name" | "number" | "extension" | "ip">;
	/** The notes of all sources, in the order in which they were added. */
	readonly notes: readonly Item[];
}
export interface Enricher {
	/** Fields whose shown value you work from; `party.*` stands for all of them. */
	needs?: readonly string[];
	/** Fields that you may claim. */
	gives?: readonly string[];
	/** Moments at which you want the record whatever its fields are. */
	on?: readonly Moment[];
	/** How long you take for a work, at most 60000 ms; absent: 5000. Of several enrichers the longest counts. */
	deadlineMs?: number;
}
/** What the work was handed out for. */
export type Work = Readonly<Omit<WireWork, "record">> & {
	/** Says that you are still at it: you have as much time again, up to a minute in all. Resolves to the ms left. */
	readonly progress: () => Promise<number>;
};
export type ClaimValue = string | number | boolean | null | undefined | {
	value: string | null;
	quality?: Quality; /** After how long it goes by itself: a second to 30 days. */
	ttlMs?: number;
};
/** Field name to what you say of it. `undefined` says nothing, `null` or '' withdraws what you said before. */
export type Claims = {
	readonly [field: string]: ClaimValue;
};
export interface Reply {
	claims?: Claims;
	items?: readonly NewItem[];
	/** You looked and have nothing: of all that you give, or of these fields. */
	nothing?: boolean | readonly string[];
	/** How long that holds: so long you are not asked the same again. Absent: 10 minutes; at most a day. */
	nothingForMs?: number;
}
/** Nothing returned means: looked, found nothing. A thrown error means: could not look. */
export type EnrichHandler = (record: BoardRecord, work: Work) => MaybePromise<Claims | Reply | undefined | null | false | "" | void>;
type MaybePromise<T> = T | Promise<T>;
export type TokenSource = string | (() => string | Promise<string>);
interface Ask {
	body?: unknown;
	accept?: string;
	signal?: AbortSignal | undefined;
	/** The Idempotency-Key of a command or a write. */
	key?: string;
	/** What must still be so for a write (If-Match), without quotes: the record's rev, or when a note was changed. */
	match?: string;
	/** Let the request outlive the page that sends it. */
	keepalive?: boolean;
	/** Milliseconds until the answer's head must be there. */
	patience?: number;
}
declare class Http {
	#private;
	readonly base: string;
	constructor(url: string | URL, token: TokenSource);
	/** Sends one request and returns the answer if it is a good one. */
	ask(method: string, path: string, ask?: Ask): Promise<Response>;
	json<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T>;
	/** Sends one request, once. */
	once<T>(method: string, path: string, ask: Ask): Promise<T>;
	/** Writes, once per key; with a match only if that is still so. What did not arrive is sent once more with its key. */
	write<T>(method: string, path: string, ask: Ask & {
		key: string;
	}): Promise<T>;
	/** Gives a command, once per key. It waits longer than a read does: a phone has to do something. */
	command<T>(path: string, body: unknown, key: string): Promise<T>;
}
/** Exchanges the one-time code of an address that Callboard printed for the person's token. Works once per code. */
export declare function exchangeCode(url: string | URL, code: string): Promise<Session>;
/** Which records are followed, and what is told of them. Within a word any one suffices; an absent one asks nothing. */
export interface WatchFilter {
	lines?: readonly string[];
	/** States of the record. */
	states?: readonly RecordState[];
	/** States of its call. */
	callStates?: readonly CallState[];
	/** Types of notification; `call.*` stands for all that begin so. */
	types?: readonly string[];
	/** Fields and lists of which changes are told; `party.*` stands for all that begin so. */
	fields?: readonly string[];
}
export interface Retry {
	/** Milliseconds before the first new try; doubles up to `max`. */
	min?: number;
	max?: number;
	/** Milliseconds of silence after which a connection counts as dead. Callboard sends a bookmark every 15 s. */
	quiet?: number;
}
/** The apps that are reached at a URL. For the person's token only. */
export declare class Webhooks {
	#private;
	/** @internal See Board.webhooks. */
	constructor(http: Http);
	list(): Promise<Webhook[]>;
	/** Lets an app in. The signing secret is given this once. */
	add(hook: NewWebhook): Promise<WebhookSecret>;
	/** What is left out stays. `enabled: true` also lets one go on that Callboard has disabled. */
	change(id: string, change: WebhookChange): Promise<Webhook>;
	/** Takes the app away, with all that waits for it. */
	remove(id: string): Promise<void>;
	/** Gives a new signing secret. The former signs too for so long; absent: a day. */
	rotate(id: string, options?: {
		overlapMs?: number;
	}): Promise<WebhookSecret>;
	/** Sends a test now, and says what came of it. */
	test(id: string): Promise<Delivery>;
	/** A page of what was and is to be delivered, the newest first. `next` is the `before` of the next page. */
	log(id: string, options?: {
		before?: number;
		limit?: number;
	}): Promise<DeliveryList>;
	/** Sends a delivery of the log once more, with the newest state of its record. */
	resend(id: string, delivery: string): Promise<void>;
}
export interface ConnectOptions {
	/** The address that Callboard printed, such as http://127.0.0.1:8747. */
	url: string | URL;
	/** The app's token, or a function that gets it; the function is asked again when a token is refused. */
	token: TokenSource;
	/** Your app's id. When given, connect() checks that the token speaks for it. */
	app?: string;
	/** Told of the link from the first moment on; the same as on('status') after connect(). */
	onStatus?: StatusHandler;
	/** Gives up and closes when aborted. */
	signal?: AbortSignal;
	retry?: Retry;
}
/** `unauthorized` and `closed` are final: connect() anew. */
export type LinkState = "connecting" | "online" | "offline" | "unauthorized" | "closed";
export type StatusHandler = (state: LinkState, error?: CallboardError) => void;
export type Handler<T extends NotificationType = NotificationType> = (record: T extends RecordBound ? BoardRecord : undefined, notification: NotificationOf<T>) => unknown;
export type AnyHandler = (record: BoardRecord | undefined, notification: Notification$1) => unknown;
export type ListHandler = (records: BoardRecord[]) => unknown;
export type ErrorHandler = (error: CallboardError) => unknown;
/** Types of notification that are about one record. */
export type RecordBound = Extract<NotificationType, `call.${string}` | `record.${string}` | `item.${string}` | `field.${string}`>;
export interface CommandOptions {
	/**
	 * The command's Idempotency-Key. Without it every call is an intention of its own; with it a command whose answer did not come
	 * can be sent again and is not carried out twice.
	 */
	key?: string;
	/** Whose phone is meant, on a line with several. */
	extension?: string;
}
/** What is looked for in the call log. All that is said must hold. */
export interface LogQuery {
	view?: LogView;
	line?: string;
	result?: Result;
	/** The other party's number in any usual format. */
	number?: string;
	/** Words and numbers, wherever they are; the last one may be the beginning of a word. */
	q?: string;
	person?: string;
	company?: string;
	tag?: string;
	/** Calls that began then or later. */
	from?: Date;
	/** Calls that began before then. */
	to?: Date;
	/** The `next` of the page before. */
	cursor?: string | undefined;
	/** At most 200; absent: 50. */
	limit?: number;
	signal?: AbortSignal;
}
export interface ClaimOptions {
	/**
	 * The `rev` of the record that you have read. Needed for fields with one owner, such as `call.disposition`; where the record has
	 * another by now, nothing is written and the error has the code `rev_mismatch`.
	 */
	rev?: number;
}
export interface NoteOptions {
	/** The note's `changed_at` as you have read it. Where it was changed or removed since, nothing is written: `rev_mismatch`. */
	seen?: string | undefined;
	/** The write's Idempotency-Key: sent again with it, it is done once. */
	key?: string;
}
export interface WatchOptions extends WatchFilter {
	/** Go on after this place; absent: from now. */
	cursor?: string;
	include?: "claims";
	/**
	 * Where this stream has fallen behind: the newest state of each record (`record.newest`) in place of all its changes. The id of what
	 * is told so is no cursor; the `bookmark` after it has one.
	 */
	coalesce?: "record";
	signal?: AbortSignal;
}
/**
 * A connection to the board. Keeps a copy of its records by listing once and applying every notification since.
 * Handlers are called one after the other, in the order of the changes; what they return is not waited for.
 */
export declare class Board {
	#private;
	/** The apps that are reached at a URL. For the person's token only. */
	readonly webhooks: Webhooks;
	/** @internal Use connect(). */
	constructor(options: ConnectOptions);
	/** The state of the link to Callboard. (Those of the lines to the PBX are in status().) */
	get state(): LinkState;
	/** The place up to which the copy is current. */
	get cursor(): string | undefined;
	/** @internal Lists for the first time, then follows in the background. */
	start(app: string | undefined): Promise<void>;
	/**
	 * Calls `fn` for every notification of a type, with the record as it is after it. Returns what takes it off again.
	 * `'*'`: every notification. `'status'`: the link. `'list'`: all was read anew, after a stretch that could not be followed.
	 * `'error'`: an error in a handler or in the background; without such a handler they go to console.error.
	 */
	on(type: "status", fn: StatusHandler): () => void;
	on(type: "list", fn: ListHandler): () => void;
	on(type: "error", fn: ErrorHandler): () => void;
	on(type: "*", fn: AnyHandler): () => void;
	on<T extends Exclude<NotificationType, "work">>(type: T, fn: Handler<T>): () => void;
	/**
	 * Registers what your app knows about. Several calls make one registration. `fn` is called for each work that concerns it,
	 * more than once per record when what you need improves.
	 */
	enrich(enricher: Enricher, fn: EnrichHandler): () => void;
	/**
	 * A stream of its own with every notification, or those that you ask for, in order, at your own pace. A record that comes to be
	 * one of those you follow is told whole as `record.added`, one that no longer is as `record.removed`. Reconnects by itself; throws when its place is
	 * gone (`cursor_gone`) or it is refused.
	 */
	watch(options?: WatchOptions): AsyncGenerator<Notification$1, void, void>;
	/** The records on the board, newest first, from the copy. */
	records(filter?: {
		state?: RecordState;
	}): BoardRecord[];
	/** One record as it is now, from the board or from the store; with `include: 'claims'` all claims of every field. */
	getRecord(id: string, options?: {
		include?: "claims";
	}): Promise<BoardRecord>;
	/**
	 * A page of the call log, newest first. With its `next` as the `cursor` of the same query comes the next page: each call once, while others come
	 * in before it. An app is shown what it may read only, and cannot look by the rest.
	 */
	log({ signal, ...query }?: LogQuery): Promise<CallLog>;
	/** The lines and their links to the PBX, the store, and who you are. */
	status(): Promise<Status>;
	/** The apps that hold a token: what each may, whether it works just now, what it is barred from; and the rings among them. */
	apps(): Promise<AppList>;
	/** Changes what an app may; what is absent stays. It keeps its token. */
	changeApp(app: string, change: AppChange): Promise<App>;
	/** Lets an app write a field again that it was barred from because it ran in circles there. */
	releaseApp(app: string, field: string): Promise<void>;
	/**
	 * Says what you know, outside any work. All claims are taken or none. To pick one of several people (`party.candidates`) the
	 * person claims `party.candidate` with `${item.source}/${item.id}`.
	 */
	claim(recordId: string, claims: Claims, options?: ClaimOptions): Promise<Written>;
	/** Lets what one source says be shown, whatever the others say, until the person pins another, types their own or takes it back. */
	pin(recordId: string, field: string, source: string): Promise<Written>;
	unpin(recordId: string, field: string): Promise<Written>;
	/** Hides what one source says of a field: it is kept, and neither shown nor counted. */
	hide(recordId: string, field: string, source: string): Promise<Written>;
	unhide(recordId: string, field: string, source: string): Promise<Written>;
	addNote(recordId: string, text: string): Promise<Item>;
	/** Writes a note under an id of your own making (see newNoteId); safe to repeat, and outlives a page that is being closed. */
	putNote(recordId: string, noteId: string, text: string, options?: NoteOptions): Promise<Item>;
	removeNote(recordId: string, noteId: string, options?: NoteOptions): Promise<void>;
	/**
	 * Opens a record without a call, for a number or for whatever is known of somebody: `{ email }`, `{ vcard }`…; the next call with its
	 * number joins it.
	 */
	lookup(sought: string | Lookup): Promise<BoardRecord>;
	/** Puts a closed record back on the board: every app works on it anew. For the person, and for apps that may `reopen`. */
	reopen(recordId: string): Promise<BoardRecord>;
	/** Closes a record before its time. For the person. */
	closeRecord(recordId: string): Promise<BoardRecord>;
	/** Erases a person from the board, the log and the database; with `dry_run` it only tells what would go. For the person. It cannot be undone. */
	erase(who: NewErasure): Promise<Erasure>;
	/** The proofs of what was erased, the newest 100 first. For the person. */
	erasures(): Promise<Erasure[]>;
	/** Rings the user's phone and, once that is answered, calls a number. Gives the id of the record that becomes the call. */
	dial(number: string, options?: CommandOptions): Promise<string>;
	/**
	 * Does something with a record's call; `record.call.actions` lists what is possible just now. Resolves when the PBX has taken it:
	 * what becomes of the call comes with the stream. The methods below say it shorter.
	 */
	command(recordId: string, command: Command, options?: CommandOptions): Promise<void>;
	/** Makes the ringing phone answer. */
	answer(recordId: string, options?: CommandOptions): Promise<void>;
	/** Ends the call; one that rings here is rejected. */
	hangup(recordId: string, options?: CommandOptions): Promise<void>;
	hold(recordId: string, options?: CommandOptions): Promise<void>;
	resume(recordId: string, options?: CommandOptions): Promise<void>;
	/** Sends the other party to a number. */
	transfer(recordId: string, to: string, options?: CommandOptions): Promise<void>;
	/** Lets the other party wait while a number is called; then complete() or cancel(). */
	consult(recordId: string, to: string, options?: CommandOptions): Promise<void>;
	complete(recordId: string, options?: CommandOptions): Promise<void>;
	cancel(recordId: string, options?: CommandOptions): Promise<void>;
	/** Gives the other parties of two calls to each other. */
	join(recordId: string, otherRecordId: string, options?: CommandOptions): Promise<void>;
	park(recordId: string, options?: CommandOptions): Promise<void>;
	/** Sends digits to the other end: 0-9 * # A-D. */
	sendDtmf(recordId: string, digits: string, options?: CommandOptions): Promise<void>;
	/** Keeps back what the phone sends. */
	mute(recordId: string, options?: CommandOptions): Promise<void>;
	unmute(recordId: string, options?: CommandOptions): Promise<void>;
	/** Records the call at the PBX. */
	startRecording(recordId: string, options?: CommandOptions): Promise<void>;
	pauseRecording(recordId: string, options?: CommandOptions): Promise<void>;
	resumeRecording(recordId: string, options?: CommandOptions): Promise<void>;
	stopRecording(recordId: string, options?: CommandOptions): Promise<void>;
	/** Ends the stream and what runs in the background; resolves when it has ended. */
	close(): Promise<void>;
}
/** Connects: lists the board, then follows it. Waits while Callboard cannot be reached; throws when it refuses. */
export declare function connect(options: ConnectOptions): Promise<Board>;
/** An id for putNote. */
export declare function newNoteId(): string;
/** An Idempotency-Key, for a write that may have to be sent again. */
export declare function newKey(): string;

export {
	Notification$1 as Notification,
};

export {};
