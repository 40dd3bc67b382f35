#!/usr/bin/env python3
"""Prints the CloudFormation that SAM generates from template.yaml, so that cfn-lint
sees what SAM adds. Needs the Python that has aws-sam-cli, and does not call AWS.

    scripts/sam-expand.py template.yaml Stage=prod Canary=true >expanded.json
"""

import json
import sys

import boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

path, *given = sys.argv[1:]
with open(path) as file:
    template = yaml_parse(file.read())

# The lint uses the defaults, so set them to the deployed values.
for name, value in (pair.split("=", 1) for pair in given):
    template["Parameters"][name]["Default"] = value

# As `sam package` does, which uploads the code to a bucket.
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        resource["Properties"]["CodeUri"] = "s3://bucket/key.zip"

# SAM gets these from IAM; it needs the two that it adds to roles.
policies = {
    "AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "AWSXRayDaemonWriteAccess": "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
}
session = boto3.Session(region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
parameters = {name: it.get("Default", "") for name, it in template["Parameters"].items()}
expanded = Translator(policies, Parser(), boto_session=session).translate(template, parameters)
json.dump(expanded, sys.stdout, indent=2)
