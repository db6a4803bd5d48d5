/** Every workflow of the ledger, by the name that the Temporal UI shows. */
export { account } from './account.ts';
export { transfer } from './transfer.ts';
