/** Webhooks in memory, which send nothing. */
import type { NewSecret, NewWebhook, Webhooks } from '../../api/webhooks.ts';
import type { DeliveryResource, WebhookResource } from '../../contracts/webhooks.ts';

const NOW = '2026-11-23T08:00:00.000Z';

type Stored = { made: NewWebhook; shown: WebhookResource; deleted: boolean; rotation?: NewSecret };

export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

export const NEXT_SECRET = 'whsec_bmV4dCBzZWNyZXQgb2YgdGhlIHdlYmhvb2s=';

export const webhookBody = {
  url: 'https://example.com/hook',
  types: ['ledger.TransferCompleted.v1' as const],
};

/** Two deliveries, at the positions 8 and 5. */
export const DELIVERIES: readonly DeliveryResource[] = [
  {
    event: 'tr_2-3',
    position: 8,
    type: 'ledger.TransferCompleted.v1',
    status: 'retrying',
    attempts: 1,
    last_attempt_at: NOW,
    last_status: 500,
    last_error: 'HTTP 500.',
    next_attempt_at: NOW,
  },
  {
    event: 'tr_1-3',
    position: 5,
    type: 'ledger.TransferCompleted.v1',
    status: 'delivered',
    attempts: 1,
    last_attempt_at: NOW,
    last_status: 204,
    delivered_at: NOW,
  },
];

/** Webhooks that are there for as long as the test; these ids from the beginning. */
export function memoryWebhooks(ids: readonly string[] = []): Webhooks {
  const all = new Map<string, Stored>();
  const there = (id: string) => {
    const stored = all.get(id);
    return stored?.deleted === false ? stored : undefined;
  };
  const create: Webhooks['create'] = (made) => {
    const before = all.get(made.id);
    if (before?.deleted) return Promise.resolve('deleted');
    if (before && before.made.fingerprint !== made.fingerprint) return Promise.resolve('reused');
    const { url, types } = made.body;
    const shown = { id: made.id, url, types, status: 'active' as const, created_at: made.created_at };
    if (!before) all.set(made.id, { made, shown, deleted: false });
    const webhook = { ...shown, secret: made.body.secret ?? SECRET };
    return Promise.resolve({ webhook, replayed: before !== undefined });
  };
  for (const id of ids) void create({ id, body: webhookBody, fingerprint: '', created_at: NOW });
  return {
    create,
    refusal: (url) => (url.includes('localhost') ? 'must be at a public address' : undefined),
    list: () =>
      Promise.resolve(
        [...all.values()].flatMap(({ deleted, shown }) => (deleted ? [] : [shown])).toReversed(),
      ),
    find: (id) => Promise.resolve(there(id)?.shown),
    change(id, { at, ...change }) {
      const stored = there(id);
      const given = Object.entries(change).filter(([, value]) => value !== undefined);
      if (stored) Object.assign(stored.shown, Object.fromEntries(given));
      if (stored?.shown.status === 'disabled') {
        Object.assign(stored.shown, { disabled_at: at, disabled_reason: 'Disabled by request.' });
      }
      return Promise.resolve(stored?.shown);
    },
    rotateSecret(id, rotation) {
      const stored = there(id);
      if (!stored) return Promise.resolve(undefined);
      const replayed = rotation.key !== undefined && stored.rotation?.key === rotation.key;
      if (replayed && stored.rotation?.fingerprint !== rotation.fingerprint) return Promise.resolve('reused');
      if (!replayed) stored.rotation = rotation;
      return Promise.resolve({
        webhook: { ...stored.shown, secret: stored.rotation?.secret ?? NEXT_SECRET },
        replayed,
      });
    },
    remove(id) {
      const stored = there(id);
      if (stored) stored.deleted = true;
      return Promise.resolve(stored !== undefined);
    },
    deliveries: (_, { limit, before = Infinity }) =>
      Promise.resolve(DELIVERIES.filter(({ position }) => position < before).slice(0, limit)),
    redeliver(_, asked) {
      const found = DELIVERIES.find(({ event, position }) => asked === event || asked === String(position));
      return Promise.resolve(found && { event: found.event, position: found.position });
    },
  };
}

/** Webhooks that must not be reached. That a URL is refused for its text reaches nothing. */
export function untouchableWebhooks(guard: (name: string) => () => never): Webhooks {
  return {
    refusal: () => undefined,
    create: guard('create'),
    list: guard('list'),
    find: guard('find'),
    rotateSecret: guard('rotateSecret'),
    change: guard('change'),
    remove: guard('remove'),
    deliveries: guard('deliveries'),
    redeliver: guard('redeliver'),
  };
}
