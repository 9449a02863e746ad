import type { Settings } from "./settings.ts";
import type { Storage } from "./storage.ts";

/** AWS's own policies for this: what they need of a bucket changes with AWS Backup. The second one is for a restore. */
const POLICIES = ["AWSBackupServiceRolePolicyForS3Backup", "AWSBackupServiceRolePolicyForS3Restore"];

/**
 * A copy of the bucket each night, in a vault that stays when the stage is removed. Nothing without `CODEBOX_BACKUP_DAYS`.
 *
 * The bucket must be versioned, as a new one is. Source: AWS Backup Developer Guide, "Amazon S3 backups".
 */
export function backup({ arn }: Storage, { backupDays, trial }: Settings): void {
  if (backupDays === undefined) return;
  const vault = new aws.backup.Vault("BackupVault", {}, { retainOnDelete: !trial, protect: !trial });
  const role = new aws.iam.Role("BackupRole", {
    assumeRolePolicy: aws.iam.assumeRolePolicyForPrincipal({ Service: "backup.amazonaws.com" }),
    managedPolicyArns: POLICIES.map((name) => `arn:aws:iam::aws:policy/${name}`),
  });
  const plan = new aws.backup.Plan("BackupPlan", {
    rules: [
      {
        ruleName: "nightly",
        targetVaultName: vault.name,
        schedule: "cron(0 3 * * ? *)",
        lifecycle: { deleteAfter: backupDays },
      },
    ],
  });
  new aws.backup.Selection("BackupSelection", { planId: plan.id, iamRoleArn: role.arn, resources: [arn] });
}
