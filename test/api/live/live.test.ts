import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LiveSettings } from '../../../api/live/live.ts';
import { eventFrom } from '../../../messages/mapping/resources.ts';
import { testApp } from '../fixtures/fixtures.ts';
import { createGrowingLog, type GrowingLog } from './growing-log.ts';
import { closeLiveApps, liveApp as appOver } from './live-app.ts';

const DEPOSITED = 'ledger.MoneyDeposited.v1';

let log: GrowingLog;
beforeEach(() => {
  log = createGrowingLog();
  log.grow(3);
});
afterEach(closeLiveApps);

const liveApp = (settings: Partial<LiveSettings> = {}) => appOver(log, settings);

const positions = (filter = {}) => log.matching(filter).map(({ position }) => position);

describe('what a live stream looks like', () => {
  it('has the headers that keep proxies and caches from holding it back', async () => {
    const { status, headers } = await liveApp().ask();
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/event-stream');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-accel-buffering')).toBe('no');
    expect(headers.get('connection')).toBe('close');
    expect(headers.get('vary')).toBe('Accept');
  });

  it('is given to who asks for it; all others get a page', async () => {
    const { ask } = liveApp();
    for (const accept of [
      '',
      '*/*',
      'application/json',
      'text/html',
      'application/json, text/event-stream;q=0.5',
    ]) {
      const { headers } = await ask('', { accept });
      expect(headers.get('content-type'), accept).toBe('application/json');
      expect(headers.get('vary'), accept).toBe('Accept');
    }
    for (const accept of ['text/event-stream', 'text/event-stream, */*;q=0.1']) {
      expect((await ask('', { accept })).headers.get('content-type'), accept).toBe('text/event-stream');
    }
  });

  it('has an event’s type, its position as the id, and the JSON that a page has', async () => {
    const stream = await liveApp().open('?after=0');
    await stream.until(() => stream.events.length === log.events.length);
    expect(stream.events).toEqual(
      log.events.map((event) => ({
        type: event.type,
        lastEventId: String(event.position),
        data: JSON.stringify(eventFrom(event)),
      })),
    );
  });

  it('tells how soon to come back, and to who begins at the end also from where', async () => {
    const { open } = liveApp();
    const atEnd = await open();
    await atEnd.until(() => atEnd.parser.retry !== undefined);
    expect([atEnd.parser.retry, atEnd.parser.lastEventId]).toEqual([1_000, String(log.events.length)]);
    const told = await open('?after=2');
    await told.until(() => told.parser.retry !== undefined);
    // That client knows it.
    expect([told.parser.retry, told.parser.lastEventId]).toEqual([1_000, '']);
  });

  it('is only headers for HEAD, and no client', async () => {
    const { ask, clients } = liveApp();
    const response = await ask('', {}, 'HEAD');
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    expect(await response.text()).toBe('');
    expect(clients()).toBe(0);
  });
});

describe('the OpenAPI document', () => {
  it('says that the list of events can be a stream, and how it is resumed', async () => {
    const { app } = testApp();
    const { paths } = JSON.parse(await (await app.request('/openapi.json')).text());
    const { parameters, responses } = paths['/v1/events'].get;
    expect(Object.keys(responses[200].content)).toEqual(['application/json', 'text/event-stream']);
    expect(parameters.map(({ name }: { name: string }) => name)).toContain('Last-Event-ID');
    expect(responses[503].description).toContain('`overloaded`');
  });
});

describe('where a live stream begins', () => {
  it.each<[string, [string, Record<string, string>], (end: number) => number]>([
    ['at the present end, if nothing is said', ['', {}], (end) => end],
    ['at the beginning', ['?after=0', {}], () => 0],
    ['after a position', ['?after=4', {}], () => 4],
    ['after the last id of the client', ['', { 'last-event-id': '5' }], () => 5],
    ['after the last id, whatever else is said', ['?after=2', { 'last-event-id': '5' }], () => 5],
    ['after a zero', ['?after=2', { 'last-event-id': '0' }], () => 0],
    ['where the URL says, if the client has seen nothing', ['?after=2', { 'last-event-id': '' }], () => 2],
    ['after a cursor of a page', [`?after=2&cursor=${Buffer.from('4').toString('base64url')}`, {}], () => 4],
  ])('%s', async (_, [query, headers], start) => {
    const after = start(log.events.length);
    const stream = await liveApp().open(query, headers);
    await stream.until(() => stream.parser.retry !== undefined);
    log.grow(2);
    const expected = positions().filter((position) => position > after);
    await stream.until(() => stream.events.length >= expected.length);
    expect(stream.ids()).toEqual(expected);
  });

  it.each(['x', '-1', '1.5', '01', '1e3', '0x1', '99999999999999999', '9007199254740993', '5,6'])(
    'is refused for the last id %s',
    async (id) => {
      const { ask, clients } = liveApp();
      const response = await ask('', { 'last-event-id': id });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        code: 'invalid_request',
        errors: [{ path: 'Last-Event-ID' }],
      });
      expect(clients()).toBe(0);
    },
  );

  it.each([
    ['?after=x', 'invalid_request'],
    ['?after=-1', 'invalid_request'],
    ['?account=a.b', 'invalid_request'],
    ['?type=ledger.CommandRecorded.v1', 'invalid_request'],
    ['?cursor=x', 'invalid_cursor'],
  ])('is refused for %s', async (query, code) => {
    const response = await liveApp().ask(query);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code });
  });

  it('means nothing to a page: a last id there is not looked at', async () => {
    const { ask } = liveApp();
    expect((await ask('', { accept: 'application/json', 'last-event-id': 'x' })).status).toBe(200);
  });
});

describe('filters', () => {
  it.each([
    ['account=alice', { account: 'alice' }],
    [`type=${DEPOSITED}`, { type: DEPOSITED }],
    [`account=bob&type=${DEPOSITED}`, { account: 'bob', type: DEPOSITED }],
    ['account=bob&type=ledger.TransferCompleted.v1', { account: 'bob', type: 'ledger.TransferCompleted.v1' }],
  ])('let through what a page with %s has, before and after the client came', async (query, filter) => {
    log.grow(30);
    const stream = await liveApp({ heartbeatMs: 20 }).open(`?after=0&${query}`);
    log.grow(30);
    const expected = positions(filter);
    // A heartbeat tells that there is no more.
    await stream.until(() => Number(stream.parser.lastEventId) === log.events.length);
    expect(stream.ids()).toEqual(expected);
  });

  it('move the position of a client that gets nothing, so that it need not read all that again', async () => {
    const stream = await liveApp({ heartbeatMs: 20 }).open('?account=nobody');
    await stream.until(() => stream.parser.lastEventId !== '');
    log.grow(5);
    await stream.until(() => Number(stream.parser.lastEventId) === log.events.length);
    expect(stream.events).toEqual([]);
    expect(stream.parser.comments).toContain('heartbeat');
  });
});

describe('a stream in which nothing happens', () => {
  it('has a comment now and then, without an id that the client has', async () => {
    const stream = await liveApp({ heartbeatMs: 10 }).open('?after=2');
    await stream.until(() => stream.parser.comments.length === 3);
    expect(stream.ids()).toEqual(positions().filter((position) => position > 2));
    const end = { 'last-event-id': `${log.events.length}` };
    const quiet = await liveApp({ heartbeatMs: 10 }).open('', end);
    await quiet.until(() => quiet.parser.comments.length === 3);
    expect(quiet.parser.lastEventId).toBe('');
  });
});
