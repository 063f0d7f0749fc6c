"""What the AWS provider plans for an argument that nobody configures.

Schemas do not hold defaults. These were read off plans of AWS provider 5.100.0 in which nothing
optional was configured; the table holds those that references and controls meet. An argument that
is optional and computed and not in the table is left to AWS.
"""

from __future__ import annotations

from typing import Any

DEFAULTS: dict[str, dict[str, Any]] = {
    "data.aws_iam_policy_document": {
        "version": "2012-10-17",
    },
    "aws_backup_vault": {
        "force_destroy": False,
    },
    "aws_cloudtrail": {
        "enable_log_file_validation": False,
        "enable_logging": True,
        "include_global_service_events": True,
        "is_multi_region_trail": False,
        "is_organization_trail": False,
    },
    "aws_cloudwatch_log_group": {
        "skip_destroy": False,
    },
    "aws_db_instance": {
        "apply_immediately": False,
        "auto_minor_version_upgrade": True,
        "copy_tags_to_snapshot": False,
        "dedicated_log_volume": False,
        "delete_automated_backups": True,
        "monitoring_interval": 0,
        "performance_insights_enabled": False,
        "publicly_accessible": False,
        "skip_final_snapshot": False,
    },
    "aws_db_parameter_group": {
        "description": "Managed by Terraform",
        "skip_destroy": False,
    },
    "aws_db_subnet_group": {
        "description": "Managed by Terraform",
    },
    "aws_default_security_group": {
        "revoke_rules_on_delete": False,
    },
    "aws_ebs_volume": {
        "final_snapshot": False,
    },
    "aws_elasticache_replication_group": {
        "auth_token_update_strategy": "ROTATE",
        "automatic_failover_enabled": False,
        "engine": "redis",
        "multi_az_enabled": False,
    },
    "aws_flow_log": {
        "log_destination_type": "cloud-watch-logs",
        "max_aggregation_interval": 600,
    },
    "aws_instance": {
        "get_password_data": False,
        "source_dest_check": True,
        "user_data_replace_on_change": False,
    },
    "aws_kms_key": {
        "bypass_policy_lockout_safety_check": False,
        "customer_master_key_spec": "SYMMETRIC_DEFAULT",
        "enable_key_rotation": False,
        "is_enabled": True,
        "key_usage": "ENCRYPT_DECRYPT",
    },
    "aws_lambda_function": {
        "memory_size": 128,
        "timeout": 3,
    },
    "aws_msk_cluster": {
        "enhanced_monitoring": "DEFAULT",
    },
    "aws_nat_gateway": {
        "connectivity_type": "public",
    },
    "aws_rds_cluster": {
        "copy_tags_to_snapshot": False,
        "delete_automated_backups": True,
        "enable_global_write_forwarding": False,
        "enable_http_endpoint": False,
        "enable_local_write_forwarding": False,
        "engine_mode": "provisioned",
        "skip_final_snapshot": False,
    },
    "aws_rds_cluster_instance": {
        "auto_minor_version_upgrade": True,
        "copy_tags_to_snapshot": False,
        "force_destroy": False,
        "monitoring_interval": 0,
    },
    "aws_s3_account_public_access_block": {
        "block_public_policy": False,
        "ignore_public_acls": False,
        "restrict_public_buckets": False,
    },
    "aws_s3_bucket": {
        "force_destroy": False,
    },
    "aws_s3_bucket_lifecycle_configuration": {
        "transition_default_minimum_object_size": "all_storage_classes_128K",
    },
    "aws_s3_bucket_notification": {
        "eventbridge": False,
    },
    "aws_s3_bucket_object_lock_configuration": {
        "object_lock_enabled": "Enabled",
    },
    "aws_s3_bucket_public_access_block": {
        "block_public_acls": False,
        "block_public_policy": False,
        "ignore_public_acls": False,
        "restrict_public_buckets": False,
    },
    "aws_s3_object": {
        "force_destroy": False,
    },
    "aws_security_group": {
        "description": "Managed by Terraform",
        "revoke_rules_on_delete": False,
    },
    "aws_security_group_rule": {
        "self": False,
    },
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
        "enable_dns64": False,
        "enable_resource_name_dns_a_record_on_launch": False,
        "enable_resource_name_dns_aaaa_record_on_launch": False,
        "ipv6_native": False,
        "map_public_ip_on_launch": False,
    },
    "aws_vpc": {
        "enable_dns_support": True,
        "instance_tenancy": "default",
    },
    "aws_vpc_endpoint": {
        "vpc_endpoint_type": "Gateway",
    },
}


# Blocks that nobody configures and the provider then plans as unknown, read off plans likewise.
LEFT_TO_AWS = frozenset(
    {
        ("aws_instance", "network_interface"),
        ("aws_instance", "ephemeral_block_device"),
        ("aws_instance", "capacity_reservation_specification"),
        ("aws_vpc_endpoint", "subnet_configuration"),
        ("aws_s3_bucket", "replication_configuration"),
        ("aws_s3_bucket", "logging"),
        ("aws_s3_bucket", "website"),
        ("aws_s3_bucket", "server_side_encryption_configuration"),
        ("aws_s3_bucket", "grant"),
        ("aws_s3_bucket", "cors_rule"),
        ("aws_s3_bucket", "object_lock_configuration"),
        ("aws_s3_bucket", "versioning"),
    }
)
# Blocks with computed arguments that are nevertheless planned as none.
NEVER_LEFT = frozenset(
    {
        ("aws_instance", "launch_template"),
        ("aws_dynamodb_table", "on_demand_throughput"),
        ("aws_dynamodb_table", "replica"),
        ("aws_s3_bucket_notification", "lambda_function"),
        ("aws_s3_bucket_notification", "topic"),
        ("aws_s3_bucket_logging", "target_grant"),
    }
)
