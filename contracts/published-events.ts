/** What subscribers get: which events are published, when each happens, and its data as JSON Schema. */
import { z } from 'zod';
import { EVENT_DATA, type EVENT_SUBJECTS, type EventName } from './events.ts';
import { newestVersion } from './upcasters.ts';
import { WEBHOOK_DISABLED_OCCASION, webhookDisabledData } from './webhooks.ts';

/** Receipts are stored, but not published: they are no part of what subscribers rely on. */
export type PublishedName = {
  [Name in EventName]: (typeof EVENT_SUBJECTS)[Name]['aggregate'] extends 'command' ? never : Name;
}[EventName];

/** When each happens, in a sentence. */
export const EVENT_OCCASIONS: Readonly<Record<PublishedName, string>> = {
  AccountCreated:
    'An account is opened. World accounts have no such event: each exists from its first entry on.',
  MoneyDeposited: 'The account is credited: the credit entry of a transfer.',
  MoneyWithdrawn: 'The account is debited: the debit entry of a transfer.',
  FundsHeld: 'Money of the account is held: for a hold, or for a transfer that waits.',
  FundsReleased: 'Held money is released: it moves in the same batch, or is available again.',
  AccountUpdated: 'The overdraft limit of the account changes.',
  AccountFrozen: 'The account is frozen: no money can leave it until it is unfrozen.',
  AccountUnfrozen: 'The account is unfrozen: it is open again.',
  AccountClosed: 'The account is closed for good.',
  TransferRequested: 'A transfer begins to wait: for an approval, for its date, or for a payment rail.',
  TransferApproved:
    'A person approves the transfer. If it waits for nothing else, it is posted in the same batch.',
  TransferParked: 'The outcome at the payment rail is not known: the transfer waits for an operator.',
  TransferCompleted: 'The transfer is posted: its entries are in the same batch.',
  TransferRejected: 'The transfer is rejected, by a rule or by a person. No money has moved.',
  TransferCancelled: 'A waiting transfer is cancelled. No money has moved.',
  TransferExpired: 'The transfer was not approved in time. No money has moved.',
  TransferFailed: 'A transfer that has waited cannot be posted. No money has moved.',
  TransferReversed: 'The transfer is reversed, in full or in part. The reversal is in the same batch.',
  HoldPlaced: 'The hold is placed: money of its account is held.',
  HoldExtended: 'The expiry of the hold is moved to a later time.',
  HoldCaptured: 'The hold is captured: the captured amount moves in the same batch, the rest is released.',
  HoldVoided: 'The hold is voided: its money is released.',
  HoldExpired: 'The hold expires: its money is released.',
};

/** In the order of the aggregates and of an aggregate's life. */
export const PUBLISHED_EVENTS = Object.keys(EVENT_OCCASIONS) as readonly PublishedName[];

/** A JSON Schema, draft 7. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The data of an event in its newest version. Fields that are not named are allowed: an event may gain some.
 * Rules that JSON Schema cannot say, such as which currencies there are, are left out.
 */
export function eventDataSchema(name: PublishedName): JsonSchema {
  const { $schema, ...schema } = jsonSchema(EVENT_DATA[name]);
  const version = newestVersion(name);
  const $id = `urn:tallybook:event:${name}:v${version}`;
  return { $schema, $id, title: `${name}.v${version}`, description: EVENT_OCCASIONS[name], ...schema };
}

/** The same for what is published about webhooks. */
export function webhookDisabledSchema(): JsonSchema {
  const { $schema, ...schema } = jsonSchema(webhookDisabledData);
  const $id = 'urn:tallybook:event:WebhookDisabled:v1';
  return { $schema, $id, title: 'WebhookDisabled.v1', description: WEBHOOK_DISABLED_OCCASION, ...schema };
}

/** A zod schema as JSON Schema of draft 7, the newest one that AsyncAPI 3 takes without naming it. */
export function jsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    target: 'draft-07',
    io: 'input',
    override: ({ jsonSchema: made }) => {
      // OpenAPI's word for it; JSON Schema's is `examples`.
      if ('example' in made) {
        made.examples = [made['example']];
        delete made['example'];
      }
      // zod's own pattern is a calendar in 300 characters. The format says the same, but not that it is UTC.
      if (made.format === 'date-time') made.pattern = 'Z$';
    },
  });
}
