/** Every workflow of the ledger, by the name that the Temporal UI shows. */
export { account } from './account.ts';
export { bulk } from './bulk.ts';
export { commands } from './commands.ts';
export { firing } from './firing.ts';
export { hold } from './hold.ts';
export { transfer } from './transfer.ts';
