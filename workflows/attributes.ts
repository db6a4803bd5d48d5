/** The search attributes that a person finds a workflow by. */
import { defineSearchAttributeKey } from '@temporalio/common';

export const SEARCH_ATTRIBUTES = {
  accounts: defineSearchAttributeKey('LedgerAccounts', 'KEYWORD_LIST'),
  kind: defineSearchAttributeKey('LedgerKind', 'KEYWORD'),
  status: defineSearchAttributeKey('LedgerStatus', 'KEYWORD'),
  currency: defineSearchAttributeKey('LedgerCurrency', 'KEYWORD'),
  amount: defineSearchAttributeKey('LedgerAmount', 'INT'),
} as const;
