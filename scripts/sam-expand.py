#!/usr/bin/env python3
"""Prints the CloudFormation that SAM makes of template.yaml, for cfn-lint to see
what SAM adds. Runs with the Python that has aws-sam-cli, and asks AWS nothing.

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

# The lint tries the defaults, so they are what is deployed.
for name, value in (pair.split("=", 1) for pair in given):
    template["Parameters"][name]["Default"] = value

# What `sam package` does: the code is in a bucket then.
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        resource["Properties"]["CodeUri"] = "s3://bucket/key.zip"

# SAM asks IAM for these; it needs the two that it adds to roles.
policies = {
    "AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "AWSXRayDaemonWriteAccess": "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
}
session = boto3.Session(region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
parameters = {name: it.get("Default", "") for name, it in template["Parameters"].items()}
expanded = Translator(policies, Parser(), boto_session=session).translate(template, parameters)
json.dump(expanded, sys.stdout, indent=2)
