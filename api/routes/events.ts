/** The events of the ledger, and those of one account, straight from the log. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { accepts } from 'hono/accepts';
import { EVENT_SUBJECTS, eventType, type EventName } from '../../contracts/events.ts';
import { eventPage, pageQuery, positionInQuery } from '../../contracts/http.ts';
import { id } from '../../contracts/values.ts';
import type { EventFilter } from '../../eventlog/read/event-reader.ts';
import { eventFrom } from '../../messages/mapping/resources.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { EVENT_STREAM } from '../http/admission.ts';
import { eventCursor, positionOfCursor } from '../http/event-cursor.ts';
import * as doc from '../http/openapi.ts';
import type { ApiEnv } from '../http/problem.ts';
import { respondLive } from '../live/respond.ts';
import { findAccount, queryTimeout } from '../queries/read-your-writes.ts';

/** What is published; the rest of the log is the ledger's own. */
const TYPES = Object.keys(EVENT_SUBJECTS)
  .filter(isPublished)
  .map((name) => eventType(name));

const eventQuery = {
  type: doc.filter(z.enum(TYPES), 'Only events of this CloudEvents type.'),
  after: positionInQuery.optional().meta({
    type: 'integer',
    description: 'Only events after this log position; 0 for all. `cursor` takes precedence.',
  }),
  ...pageQuery,
};

const JSON_TYPE = 'application/json';
const listed = doc.json('A page of events, or a live stream of them.', eventPage);

const query = { method: 'get' as const, middleware: queryTimeout };

const list = createRoute({
  ...query,
  path: '/v1/events',
  operationId: 'listEvents',
  tags: ['Events'],
  summary: 'List events, or stream them live',
  description:
    'Returns events in log order. With `Accept: text/event-stream`, the response is a stream of Server-Sent Events; ' +
    'without `Last-Event-ID`, `after` and `cursor`, it begins at the current end of the log, and `limit` has no effect.',
  parameters: [doc.lastEventIdHeader],
  request: { query: z.object({ account: doc.filter(id, 'Only events of this account.'), ...eventQuery }) },
  responses: {
    200: { ...listed, content: { ...listed.content, [EVENT_STREAM]: { schema: z.string() } } },
    ...doc.problems('invalid_cursor'),
  },
});

const ofAccount = createRoute({
  ...query,
  path: '/v1/accounts/{id}/events',
  operationId: 'listAccountEvents',
  tags: ['Accounts'],
  summary: 'List the events of an account',
  description: 'Returns the events in log order.',
  request: { params: doc.idParam, query: z.object(eventQuery) },
  responses: {
    200: doc.json('A page of events.', eventPage),
    ...doc.problems('invalid_cursor', 'account_not_found'),
  },
});

/** The routes of events. */
export function eventRoutes(deps: ApiDependencies) {
  return new OpenAPIHono<ApiEnv>()
    .openapi(list, async (c) => {
      const { account, type, ...from } = c.req.valid('query');
      c.header('Vary', 'Accept');
      const wanted = accepts(c, {
        header: 'Accept',
        supports: [JSON_TYPE, EVENT_STREAM],
        default: JSON_TYPE,
      });
      if (wanted === EVENT_STREAM) {
        return respondLive(c, deps.live, { after: startOf(from), filter: { account, type } });
      }
      return c.json(await readPage(deps.events, { account, type }, from), 200);
    })
    .openapi(ofAccount, async (c) => {
      const account = c.req.valid('param').id;
      const { type, ...from } = c.req.valid('query');
      const page = await readPage(deps.events, { account, type }, from);
      // What has events is an account.
      if (page.data.length === 0) await findAccount(deps, account);
      return c.json(page, 200);
    });
}

type Start = { after?: number | undefined; cursor?: string | undefined };

function startOf({ after, cursor }: Start): number | undefined {
  return cursor === undefined ? after : positionOfCursor(cursor);
}

async function readPage(
  events: ApiDependencies['events'],
  filter: EventFilter,
  { limit, ...from }: Start & { limit: number },
) {
  const data = await events.read(startOf(from) ?? 0, limit, filter);
  const last = data.at(-1)?.position;
  const full = last !== undefined && data.length >= limit;
  const more = full && (await events.read(last, 1, filter)).length > 0;
  return { data: data.map(eventFrom), next_cursor: more ? eventCursor(last) : null };
}

function isPublished(name: string): name is EventName {
  return Object.entries(EVENT_SUBJECTS).some(
    ([one, { aggregate }]) => one === name && aggregate !== 'command',
  );
}
