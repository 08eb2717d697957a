BEGIN TRANSACTION;
CREATE TABLE access_key (
	id TEXT NOT NULL, 
	account TEXT NOT NULL, 
	owner_id TEXT NOT NULL, 
	sealed_secret TEXT NOT NULL, 
	status TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	last_used_at BIGINT, 
	last_used_region TEXT, 
	last_used_service TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "access_key" VALUES('AKIAHBKYRZI7GURBAPEC','111111111111','AIDATAZOAAIJ4X4XEDYX6','v1:ec281929:aEEDUODbwfLk8ItS:uP31N4R2z8GYMIjlD3u0LP2BC2hf5Em2UMBLX_cvsUObBl6YWOU5quWVySMFC06b1BPqGkGmOy4','Active',1795569261879980,NULL,NULL,NULL);
CREATE TABLE account (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE attachment (
	owner_id TEXT NOT NULL, 
	policy_arn TEXT NOT NULL, 
	attached_at BIGINT NOT NULL, 
	PRIMARY KEY (owner_id, policy_arn)
);
INSERT INTO "attachment" VALUES('AIDATAZOAAIJ4X4XEDYX6','arn:aws:iam::111111111111:policy/P',1795569261935043);
INSERT INTO "attachment" VALUES('AROAZC7FTSUKFGD5JI3NR','arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy',1795569261995064);
CREATE TABLE boundary (
	owner_id TEXT NOT NULL, 
	policy_arn TEXT NOT NULL, 
	PRIMARY KEY (owner_id)
);
CREATE TABLE console_session (
	token_hash TEXT NOT NULL, 
	principal_id TEXT NOT NULL, 
	access_key_id TEXT, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	PRIMARY KEY (token_hash)
);
CREATE TABLE deletion_task (
	id TEXT NOT NULL, 
	account TEXT NOT NULL, 
	role_id TEXT NOT NULL, 
	role_name TEXT NOT NULL, 
	status TEXT NOT NULL, 
	reason TEXT, 
	usage TEXT, 
	created_at BIGINT NOT NULL, 
	deadline_at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE generation (
	id INTEGER NOT NULL, 
	value BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "generation" VALUES(1,8);
CREATE TABLE "group" (
	unique_id TEXT NOT NULL, 
	account TEXT NOT NULL, 
	name TEXT NOT NULL, 
	name_key TEXT NOT NULL, 
	path TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (unique_id), 
	UNIQUE (account, name_key)
);
INSERT INTO "group" VALUES('AGPAEKY57CYDUCLZV24I4','111111111111','builders','builders','/',1795569261888615);
CREATE TABLE identity_tag (
	owner_id TEXT NOT NULL, 
	key_lower TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (owner_id, key_lower)
);
INSERT INTO "identity_tag" VALUES('AIDATAZOAAIJ4X4XEDYX6','team','team','one');
CREATE TABLE inline_policy (
	owner_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY (owner_id, name)
);
INSERT INTO "inline_policy" VALUES('AIDATAZOAAIJ4X4XEDYX6','inline','{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]}');
CREATE TABLE login_profile (
	user_id TEXT NOT NULL, 
	password TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	changed_at BIGINT NOT NULL, 
	PRIMARY KEY (user_id)
);
CREATE TABLE managed_policy (
	arn TEXT NOT NULL, 
	unique_id TEXT NOT NULL, 
	account TEXT NOT NULL, 
	name TEXT NOT NULL, 
	name_key TEXT NOT NULL, 
	path TEXT NOT NULL, 
	description TEXT, 
	default_version INTEGER NOT NULL, 
	last_version INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	PRIMARY KEY (arn), 
	UNIQUE (account, name_key)
);
INSERT INTO "managed_policy" VALUES('arn:aws:iam::111111111111:policy/P','ANPA6QEQQUF4BTOTEBIMS','111111111111','P','p','/',NULL,1,1,1795569261911252,1795569261911252);
CREATE TABLE membership (
	user_id TEXT NOT NULL, 
	group_id TEXT NOT NULL, 
	PRIMARY KEY (user_id, group_id), 
	FOREIGN KEY(user_id) REFERENCES user (unique_id), 
	FOREIGN KEY(group_id) REFERENCES "group" (unique_id)
);
INSERT INTO "membership" VALUES('AIDATAZOAAIJ4X4XEDYX6','AGPAEKY57CYDUCLZV24I4');
CREATE TABLE policy_version (
	policy_arn TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	document TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (policy_arn, version)
);
INSERT INTO "policy_version" VALUES('arn:aws:iam::111111111111:policy/P',1,'{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]}',1795569261911252);
CREATE TABLE region (
	name TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "region" VALUES('eu-west-1',1795569261953836);
INSERT INTO "region" VALUES('us-east-1',1795569262112391);
CREATE TABLE role (
	unique_id TEXT NOT NULL, 
	account TEXT NOT NULL, 
	name TEXT NOT NULL, 
	name_key TEXT NOT NULL, 
	path TEXT NOT NULL, 
	trust TEXT NOT NULL, 
	description TEXT, 
	max_session_seconds INTEGER NOT NULL, 
	service TEXT, 
	created_at BIGINT NOT NULL, 
	last_used_at BIGINT, 
	last_used_region TEXT, 
	PRIMARY KEY (unique_id), 
	UNIQUE (account, name_key)
);
INSERT INTO "role" VALUES('AROAZC7FTSUKFGD5JI3NR','111111111111','AWSServiceRoleForECRReplication','awsserviceroleforecrreplication','/aws-service-role/replication.ecr.amazonaws.com/','{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"replication.ecr.amazonaws.com"},"Action":"sts:AssumeRole"}]}','Allows Amazon ECR to replicate images across multiple accounts',3600,'replication.ecr.amazonaws.com',1795569261995064,1795569262102176,'us-east-1');
CREATE TABLE session (
	access_key_id TEXT NOT NULL, 
	account TEXT NOT NULL, 
	principal_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	sealed_secret TEXT NOT NULL, 
	issued_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	facts TEXT NOT NULL, 
	PRIMARY KEY (access_key_id)
);
CREATE TABLE site_key (
	id TEXT NOT NULL, 
	public_key BLOB NOT NULL, 
	sealed_private_key TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE user (
	unique_id TEXT NOT NULL, 
	account TEXT NOT NULL, 
	name TEXT NOT NULL, 
	name_key TEXT NOT NULL, 
	path TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (unique_id), 
	UNIQUE (account, name_key)
);
INSERT INTO "user" VALUES('AIDATAZOAAIJ4X4XEDYX6','111111111111','Ada','ada','/',1795569261842783);
CREATE INDEX attachment_by_policy ON attachment (policy_arn);
CREATE INDEX boundary_by_policy ON boundary (policy_arn);
CREATE INDEX access_key_by_owner ON access_key (owner_id);
CREATE INDEX session_by_expiry ON session (expires_at);
CREATE INDEX console_session_by_expiry ON console_session (expires_at);
CREATE INDEX membership_by_group ON membership (group_id);
COMMIT;
