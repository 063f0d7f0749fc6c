"""What the AWS provider plans for an argument that nobody configures.

Schemas do not hold defaults. These were read off plans of AWS provider 5.100.0 in which nothing
optional was configured; the table holds those that references and controls meet. An argument that
is optional and computed and not in the table is left to AWS.
"""

from __future__ import annotations

from typing import Any

DEFAULTS: dict[str, dict[str, Any]] = {
    "aws_cloudtrail": {
        "enable_logging": True,
        "enable_log_file_validation": False,
        "include_global_service_events": True,
        "is_multi_region_trail": False,
        "is_organization_trail": False,
    },
    "aws_db_instance": {
        "auto_minor_version_upgrade": True,
        "copy_tags_to_snapshot": False,
        "monitoring_interval": 0,
        "performance_insights_enabled": False,
        "publicly_accessible": False,
        "skip_final_snapshot": False,
    },
    "aws_elasticache_replication_group": {
        "automatic_failover_enabled": False,
        "multi_az_enabled": False,
    },
    "aws_kms_key": {"enable_key_rotation": False, "is_enabled": True},
    "aws_lambda_function": {"memory_size": 128, "timeout": 3},
    "aws_msk_cluster": {"enhanced_monitoring": "DEFAULT"},
    "aws_rds_cluster": {"copy_tags_to_snapshot": False, "skip_final_snapshot": False},
    "aws_s3_bucket": {"force_destroy": False},
    "aws_s3_bucket_public_access_block": {
        "block_public_acls": False,
        "block_public_policy": False,
        "ignore_public_acls": False,
        "restrict_public_buckets": False,
    },
    "aws_security_group": {"description": "Managed by Terraform", "revoke_rules_on_delete": False},
    "aws_sqs_queue": {
        "content_based_deduplication": False,
        "delay_seconds": 0,
        "fifo_queue": False,
        "max_message_size": 262144,
        "message_retention_seconds": 345600,
        "receive_wait_time_seconds": 0,
        "visibility_timeout_seconds": 30,
    },
    "aws_subnet": {
        "assign_ipv6_address_on_creation": False,
        "map_public_ip_on_launch": False,
    },
    "aws_vpc": {"enable_dns_support": True, "instance_tenancy": "default"},
}
