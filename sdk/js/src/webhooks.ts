import type { Http } from './http.js';
import type { Delivery, DeliveryList, NewWebhook, Webhook, WebhookChange, WebhookSecret } from './wire.js';

/** The apps that are reached at a URL. For the person's token only. */
export class Webhooks {
  readonly #http: Http;

  /** @internal See Board.webhooks. */
  constructor(http: Http) {
    this.#http = http;
  }

  async list(): Promise<Webhook[]> {
    return (await this.#http.json<{ webhooks: Webhook[] }>('GET', '/v1/webhooks')).webhooks;
  }

  /** Lets an app in. The signing secret is given this once. */
  add(hook: NewWebhook): Promise<WebhookSecret> {
    return this.#http.json('POST', '/v1/webhooks', hook);
  }

  /** What is left out stays. `enabled: true` also lets one go on that Callboard has disabled. */
  change(id: string, change: WebhookChange): Promise<Webhook> {
    return this.#http.json('PATCH', path(id), change);
  }

  /** Takes the app away, with all that waits for it. */
  remove(id: string): Promise<void> {
    return this.#http.json('DELETE', path(id));
  }

  /** Gives a new signing secret. The former signs too for so long; absent: a day. */
  rotate(id: string, options: { overlapMs?: number } = {}): Promise<WebhookSecret> {
    const query = options.overlapMs === undefined ? '' : `?overlap_ms=${options.overlapMs}`;
    return this.#http.json('POST', `${path(id)}/secret${query}`);
  }

  /** Sends a test now, and says what came of it. */
  test(id: string): Promise<Delivery> {
    return this.#http.json('POST', `${path(id)}/test`);
  }

  /** A page of what was and is to be delivered, the newest first. `next` is the `before` of the next page. */
  log(id: string, options: { before?: number; limit?: number } = {}): Promise<DeliveryList> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(options)) query.set(name, String(value));
    return this.#http.json('GET', `${path(id)}/deliveries?${query}`);
  }

  /** Sends a delivery of the log once more, with the newest state of its record. */
  resend(id: string, delivery: string): Promise<void> {
    return this.#http.json('POST', `${path(id)}/deliveries/${encodeURIComponent(delivery)}/resend`);
  }
}

function path(id: string): string {
  return `/v1/webhooks/${encodeURIComponent(id)}`;
}
