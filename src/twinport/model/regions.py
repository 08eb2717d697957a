"""The Regions in which Amazon ECR is offered, by partition (botocore 1.44.5, endpoints)."""

from twinport.model.names import RegionName

DEFAULT_REGIONS: tuple[RegionName, ...] = tuple(
    RegionName(name)
    for name in (  # noqa: SIM905 — a list of names reads better as words
        "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
        "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 "
        "ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 "
        "eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2"
    ).split()
)

# The Region of endpoints that have none of their own: IAM's, and STS's global one.
GLOBAL_REGION = RegionName("us-east-1")
# The Region of a caller when neither its address nor a setting names one.
HOME_REGION = RegionName("us-east-1")
