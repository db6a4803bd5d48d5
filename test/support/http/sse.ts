/** Server-Sent Events as a browser reads them, by the HTML standard, section 9.2.6. Lines end with a line feed here. */

export type SseEvent = { readonly type: string; readonly data: string; readonly lastEventId: string };

/** Takes a stream apart, however it was cut into pieces. */
export class SseParser {
  /** What an `EventSource` would send as `Last-Event-ID`. */
  lastEventId = '';
  /** Milliseconds before it would connect again, if the stream has said that. */
  retry: number | undefined;
  readonly comments: string[] = [];
  #rest = '';
  #type = '';
  #data: string[] = [];
  #id = '';

  /** @param lastEventId what the client has from an earlier stream */
  constructor(lastEventId = '') {
    this.lastEventId = lastEventId;
    this.#id = lastEventId;
  }

  /** The events that this text completes. What stays incomplete at the end of a stream is lost, as it should be. */
  push(text: string): SseEvent[] {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    const events: SseEvent[] = [];
    for (const line of lines) {
      if (line !== '') this.#field(line);
      else events.push(...this.#dispatch());
    }
    return events;
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) this.comments.push(line.slice(1).trim());
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.#type = value;
    if (name === 'data') this.#data.push(value);
    if (name === 'id' && !value.includes('\0')) this.#id = value;
    if (name === 'retry' && /^\d+$/.test(value)) this.retry = Number(value);
  }

  /** An id is kept even where there is no data, and so no event. */
  #dispatch(): SseEvent[] {
    this.lastEventId = this.#id;
    const { lastEventId } = this;
    const event = { type: this.#type || 'message', data: this.#data.join('\n'), lastEventId };
    const empty = this.#data.length === 0;
    this.#type = '';
    this.#data = [];
    return empty ? [] : [event];
  }
}
